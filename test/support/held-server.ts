import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A file server on loopback that sends the first byte at once and the others when told: a fetch lasts as long as a test wants. */
export interface HeldServer extends AsyncDisposable {
  /** `address:port` */
  readonly host: string;
  /** Each path is held by itself. */
  url(path: string): string;
  /** Resolves when the path has been asked for. */
  asked(path: string): Promise<void>;
  /** Resolves when whoever asked for the path has closed the connection before the end of the file. */
  hungUp(path: string): Promise<void>;
  /** Sends the path's file to its end, also to who asks later. */
  release(path: string): void;
}

/** @param file what every path serves, at least two bytes */
export async function startHeldServer(file: Uint8Array): Promise<HeldServer> {
  const paths = new Map<string, ReturnType<typeof stages>>();
  const at = (path: string) => {
    const known = paths.get(path) ?? stages();
    paths.set(path, known);
    return known;
  };
  const server = createServer(async (request, response) => {
    const { asked, hungUp, released } = at(request.url!);
    response.writeHead(200, { 'content-length': file.length }).write(file.subarray(0, 1));
    response.once('close', () => response.writableFinished || hungUp.resolve());
    asked.resolve();
    await released.promise;
    response.end(file.subarray(1));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    host,
    url: (path) => `http://${host}${path}`,
    asked: (path) => at(path).asked.promise,
    hungUp: (path) => at(path).hungUp.promise,
    release: (path) => at(path).released.resolve(),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}

const stages = () => ({
  asked: Promise.withResolvers<void>(),
  hungUp: Promise.withResolvers<void>(),
  released: Promise.withResolvers<void>(),
});
