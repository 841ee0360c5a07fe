import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EventStream } from './sse.ts';

/** More than the kernel buffers for one connection. */
const MUCH = 'x'.repeat(32 << 20);

let response: ServerResponse;
let client: Socket;
let close: () => void;
beforeEach(async () => {
  const came = Promise.withResolvers<ServerResponse>();
  const server = createServer((_, answer) => came.resolve(answer)).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  client = connect((server.address() as AddressInfo).port, '127.0.0.1').pause();
  client.on('error', () => {});
  client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  response = await came.promise;
  close = () => {
    client.destroy();
    server.close();
  };
});
afterEach(() => close());

describe('a stream of events', () => {
  it('does not wait for a client that keeps up', async () => {
    const stream = new EventStream(response);
    stream.send({ id: '1', event: 'frame', data: 'small' });
    expect(await stream.flushed(0)).toBe(true);
  });

  it('continues when a slow client has read what was sent', async () => {
    const stream = new EventStream(response);
    stream.send({ id: '1', event: 'frame', data: MUCH });
    const flushed = stream.flushed(60_000);
    expect(response.writableNeedDrain).toBe(true);
    client.resume();
    expect(await flushed).toBe(true);
    expect(response.writableNeedDrain).toBe(false);
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
});
