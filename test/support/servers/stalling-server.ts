import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A file server on loopback that sends the first byte at once and the rest on `release`, which lets a test control how long a fetch lasts. */
export interface StallingServer extends AsyncDisposable {
  /** `address:port` */
  readonly host: string;
  /** Each path is released separately. */
  url(path: string): string;
  /** Resolves when the path has been requested. */
  requested(path: string): Promise<void>;
  /** Resolves when the client of the path has closed the connection before the end of the file. */
  disconnected(path: string): Promise<void>;
  /** Sends the rest of the file, to later requests of the path too. */
  release(path: string): void;
}

/** @param file what every path serves, at least two bytes */
export async function startStallingServer(file: Uint8Array): Promise<StallingServer> {
  const paths = new Map<string, ReturnType<typeof stages>>();
  const at = (path: string) => {
    const existing = paths.get(path) ?? stages();
    paths.set(path, existing);
    return existing;
  };
  const server = createServer(async (request, response) => {
    const { requested, disconnected, released } = at(request.url!);
    response.writeHead(200, { 'content-length': file.length }).write(file.subarray(0, 1));
    response.once('close', () => response.writableFinished || disconnected.resolve());
    requested.resolve();
    await released.promise;
    response.end(file.subarray(1));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    host,
    url: (path) => `http://${host}${path}`,
    requested: (path) => at(path).requested.promise,
    disconnected: (path) => at(path).disconnected.promise,
    release: (path) => at(path).released.resolve(),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

const stages = () => ({
  requested: Promise.withResolvers<void>(),
  disconnected: Promise.withResolvers<void>(),
  released: Promise.withResolvers<void>(),
});
