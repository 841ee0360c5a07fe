import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EventStream } from './sse.ts';
import { MUCH, type OpenAnswer, openAnswer } from './testing/open-answer.ts';

let open: OpenAnswer;
let response: ServerResponse;
let client: Socket;
beforeEach(async () => {
  open = await openAnswer();
  ({ response, client } = open);
});
afterEach(() => open[Symbol.dispose]());

const listeners = () => ['drain', 'close'].map((event) => response.listenerCount(event));

describe('a stream of events', () => {
  it('does not wait for a client that keeps up', async () => {
    const stream = new EventStream(response);
    stream.send({ id: '1', event: 'frame', data: 'small' });
    expect(await stream.flushed(0)).toBe(true);
  });

  it('continues when a slow client has read what was sent', async () => {
    const stream = new EventStream(response);
    stream.send({ id: '1', event: 'frame', data: MUCH });
    const before = listeners();
    const flushed = stream.flushed(60_000);
    expect(response.writableNeedDrain).toBe(true);
    client.resume();
    expect(await flushed).toBe(true);
    expect(response.writableNeedDrain).toBe(false);
    expect(listeners()).toEqual(before);
  });

  it('disconnects a client that reads nothing', async () => {
    const stream = new EventStream(response);
    stream.send({ id: '1', event: 'frame', data: MUCH });
    expect(await stream.flushed(50)).toBe(false);
    expect(response.destroyed).toBe(true);
  });

  it('does not wait for a client that has disconnected', async () => {
    const stream = new EventStream(response);
    stream.send({ id: '1', event: 'frame', data: MUCH });
    const flushed = stream.flushed(60_000);
    client.destroy();
    expect(await flushed).toBe(false);
  });

  it('has heartbeats for a client that reads, and none for one that does not', async () => {
    const stream = new EventStream(response);
    stream.send({ id: '1', event: 'frame', data: MUCH });
    const buffered = response.writableLength;
    stream.heartbeat();
    expect(response.writableLength).toBe(buffered);
    const flushed = stream.flushed(60_000);
    client.resume();
    await flushed;
    const received = open.received(':\n\n');
    stream.heartbeat();
    await received;
  });
});
