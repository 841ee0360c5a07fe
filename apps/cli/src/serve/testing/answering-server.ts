import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

export interface AnsweringServer extends Disposable {
  /** As REDIS_URL. */
  readonly url: string;
  /** Connections that have sent something so far. */
  readonly asked: number;
}

/** A server that answers whatever a connection sends first. */
export async function startAnsweringServer(answer: string | ((asked: number) => string)): Promise<AnsweringServer> {
  const sockets = new Set<Socket>();
  let asked = 0;
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('data', () => {
      asked += 1;
      socket.write(typeof answer === 'string' ? answer : answer(asked));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get asked() {
      return asked;
    },
    [Symbol.dispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
