import { createServer } from 'node:net';

/**
 * A free port below those from which the system picks the local ports of outgoing connections. Otherwise a connection of any process, or a
 * client that reconnects and meets itself, could take the port while a killed server is down.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 22_000);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
