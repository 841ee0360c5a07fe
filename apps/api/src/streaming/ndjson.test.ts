import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NdjsonStream } from './ndjson.ts';
import { MUCH, type OpenAnswer, openAnswer } from './testing/open-answer.ts';

let open: OpenAnswer;
beforeEach(async () => {
  open = await openAnswer();
});
afterEach(() => open[Symbol.dispose]());

describe('a stream of lines', () => {
  it('does not wait for a client that keeps up', async () => {
    await new NdjsonStream(open.response).send('small');
  });

  it('waits until a slow client has read what was sent', async () => {
    const { response, client } = open;
    let sent = false;
    const sending = new NdjsonStream(response).send(MUCH).then(() => {
      sent = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect([sent, response.writableNeedDrain]).toEqual([false, true]);
    client.resume();
    await sending;
    expect(response.writableNeedDrain).toBe(false);
  });

  it('ends with an error for a client that has disconnected', async () => {
    const stream = new NdjsonStream(open.response);
    const sending = stream.send(MUCH);
    open.client.destroy();
    await expect(sending).rejects.toMatchObject({ name: 'ClientDisconnected' });
    await expect(stream.send('more')).rejects.toMatchObject({ name: 'ClientDisconnected' });
  });

  it('has heartbeats for a client that reads, and none for one that does not', async () => {
    const { response, client } = open;
    const stream = new NdjsonStream(response);
    const sending = stream.send(MUCH);
    const buffered = response.writableLength;
    stream.heartbeat();
    expect(response.writableLength).toBe(buffered);
    client.resume();
    await sending;
    const received = open.received('\r\n1\r\n\n\r\n');
    stream.heartbeat();
    await received;
  });
});
