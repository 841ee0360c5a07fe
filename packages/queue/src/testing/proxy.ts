/** A TCP proxy in front of Redis whose open connections can be made to swallow what passes, as a dead route does. */
import { connect, createServer, type Socket } from 'node:net';

export interface Proxy extends AsyncDisposable {
  readonly url: string;
  /**
   * From now on the connections that are open pass nothing on, or nothing from Redis, and stay open, even when one side ends its own. New
   * ones work, except with `whatever comes`, which is for those alone.
   */
  swallow(what: 'everything' | 'answers' | 'whatever comes'): void;
  /** New connections work again. */
  recover(): void;
}

export async function proxyTo(port: number): Promise<Proxy> {
  const pairs = new Set<[Socket, Socket]>();
  const sockets = new Set<Socket>();
  let silent = false;
  const server = createServer({ allowHalfOpen: true }, (client) => {
    if (silent) {
      sockets.add(client.on('error', () => {}).resume());
      return;
    }
    const upstream = connect(port, '127.0.0.1');
    const pair: [Socket, Socket] = [client, upstream];
    pairs.add(pair);
    client.pipe(upstream);
    upstream.pipe(client);
    for (const socket of pair) {
      socket.on('error', () => {});
      socket.on('close', () => {
        pairs.delete(pair);
        client.destroy();
        upstream.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || !address) throw new Error('the proxy has no port');
  return {
    url: `redis://127.0.0.1:${address.port}`,
    swallow(what) {
      if (what === 'whatever comes') {
        silent = true;
        return;
      }
      for (const [client, upstream] of pairs) {
        upstream.unpipe(client);
        upstream.resume();
        if (what === 'answers') continue;
        client.unpipe(upstream);
        client.resume();
      }
    },
    recover() {
      silent = false;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      for (const pair of pairs) for (const socket of pair) socket.destroy();
      server.close();
    },
  };
}
