import { createServer, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';

/** More than the kernel buffers for one connection. */
export const MUCH = 'x'.repeat(32 << 20);

export interface OpenAnswer extends Disposable {
  /** A server's answer that nothing has been written to. */
  readonly response: ServerResponse;
  /** Its client, which reads nothing until it is resumed. */
  readonly client: Socket;
  /** Resolves when the client, once resumed, has received this at the end. */
  received(end: string): Promise<void>;
}

/** An HTTP request whose answer the test writes and reads itself. */
export async function openAnswer(): Promise<OpenAnswer> {
  const came = Promise.withResolvers<ServerResponse>();
  const server = createServer((_, answer) => came.resolve(answer)).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1').pause();
  client.on('error', () => {});
  client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  return {
    response: await came.promise,
    client,
    received: (end) =>
      new Promise((resolve) => {
        let last = '';
        client.on('data', (chunk) => {
          last = (last + chunk.toString('latin1')).slice(-100);
          if (last.includes(end)) resolve();
        });
      }),
    [Symbol.dispose]() {
      client.destroy();
      server.close();
    },
  };
}
