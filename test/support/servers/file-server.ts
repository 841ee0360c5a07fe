import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A plain HTTP server on loopback that serves `files` (path to bytes); any other path answers 404. */
export async function startFileServer(files: Map<string, Uint8Array>) {
  const server = createServer((request, response) => {
    const body = files.get(request.url ?? '');
    if (body) response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(body);
    else response.writeHead(404).end('no such file');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    host: `127.0.0.1:${port}`,
    url: (path: string) => `http://127.0.0.1:${port}${path}`,
    close: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}
