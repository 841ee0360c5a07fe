/** Serves a page with the client in it, as the workspace has it: TypeScript with its types stripped, and no bundle. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { stripTypeScriptTypes } from 'node:module';
import type { AddressInfo } from 'node:net';

const ROOT = new URL('../..', import.meta.url);

/** Where the browser finds what the client imports. */
const IMPORTS = {
  '@facequeue/client': '/packages/client/src/index.ts',
  '@facequeue/schema/errors': '/packages/schema/src/errors.ts',
};

export interface PageServer extends AsyncDisposable {
  readonly origin: string;
  /** Address of a page that runs a script of this folder; `query` becomes the script's. */
  page(script: string, query: Record<string, string>): string;
  /** What a page has posted to /report. */
  readonly report: Promise<unknown>;
  /** Called with each request that is passed on to the gateway, and its answer. */
  onProxied: (request: IncomingMessage, response: ServerResponse) => void;
}

/**
 * @param gateway what is behind `/api` of the page's own origin, as a reverse proxy would have it
 * @param onGo called when a page asks for /go
 */
export async function startPageServer(gateway: string, onGo: () => void): Promise<PageServer> {
  const reported = Promise.withResolvers<unknown>();
  const server = createServer(async (incoming, response) => {
    const { pathname, search } = new URL(incoming.url!, 'http://page');
    if (pathname.startsWith('/api/')) {
      pages.onProxied(incoming, response);
      passOn(gateway + pathname.slice('/api'.length) + search, incoming, response);
    } else if (pathname === '/page') {
      response.setHeader('content-type', 'text/html').end(html(search));
    } else if (pathname === '/go') {
      onGo();
      response.end();
    } else if (pathname === '/report') {
      reported.resolve(JSON.parse(Buffer.concat(await incoming.toArray()).toString()));
      response.end();
    } else if (/^\/(packages|test\/browser)\/.*\.ts$/.test(pathname)) {
      const source = readFileSync(new URL(`.${pathname}`, ROOT), 'utf8');
      response.setHeader('content-type', 'text/javascript').end(stripTypeScriptTypes(source));
    } else {
      response.writeHead(404).end();
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const pages: PageServer = {
    origin,
    page: (script, query) => `${origin}/page?${new URLSearchParams({ ...query, script })}`,
    report: reported.promise,
    onProxied: () => {},
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
  return pages;
}

const html = (search: string) => `<!doctype html><title>Facequeue</title>
<script type="importmap">${JSON.stringify({ imports: IMPORTS })}</script>
<script type="module">
  const report = (value) => fetch('/report', { method: 'POST', body: JSON.stringify(value) });
  try {
    const { default: run } = await import('/test/browser/${new URLSearchParams(search).get('script')}');
    await report(await run(new URLSearchParams(location.search)));
  } catch (error) {
    await report({ failed: String(error?.stack ?? error) });
  }
</script>`;

function passOn(url: string, incoming: IncomingMessage, response: ServerResponse): void {
  const onward = request(url, { method: incoming.method!, headers: incoming.headers }, (answer) => {
    response.writeHead(answer.statusCode!, answer.headers);
    answer.pipe(response);
  });
  onward.on('error', () => response.destroy());
  response.on('close', () => onward.destroy());
  incoming.pipe(onward);
}
