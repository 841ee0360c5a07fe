/** Serves a page that runs the client from the workspace: TypeScript with its types stripped, without a bundle. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { stripTypeScriptTypes } from 'node:module';
import type { AddressInfo } from 'node:net';

const ROOT = new URL('../..', import.meta.url);

/** Import map: where the browser finds what the client imports. */
const IMPORTS = {
  '@facequeue/client': '/packages/client/src/index.ts',
  '@facequeue/schema/errors': '/packages/schema/src/errors.ts',
  '@facequeue/time': '/packages/time/src/index.ts',
  'eventsource-parser': '/node_modules/eventsource-parser/dist/index.js',
};

/** How often a page tries to load its modules. */
const MAX_LOADS = 4;

export interface PageServer extends AsyncDisposable {
  readonly origin: string;
  /** URL of a page that runs a script of this folder with `query`. */
  page(script: string, query: Record<string, string>): string;
  /** What a page posts to /report. */
  readonly report: Promise<unknown>;
  /** Called with each request that is forwarded to the gateway, and its answer. */
  onProxied: (request: IncomingMessage, response: ServerResponse) => void;
}

/**
 * @param gateway returns the URL that `/api` of the page's own origin forwards to, like a reverse proxy
 * @param onGo called when a page requests /go
 */
export async function startPageServer(gateway: () => string, onGo: () => void): Promise<PageServer> {
  const reported = Promise.withResolvers<unknown>();
  const server = createServer(async (incoming, response) => {
    const { pathname, search } = new URL(incoming.url!, 'http://page');
    if (pathname.startsWith('/api/')) {
      pages.onProxied(incoming, response);
      forward(gateway() + pathname.slice('/api'.length) + search, incoming, response);
    } else if (pathname === '/page') {
      response.setHeader('content-type', 'text/html').end(html(search));
    } else if (pathname === '/go') {
      onGo();
      response.end();
    } else if (pathname === '/report') {
      reported.resolve(JSON.parse(Buffer.concat(await incoming.toArray()).toString()));
      response.end();
    } else if (/^\/node_modules\/eventsource-parser\/dist\/\w+\.js$/.test(pathname)) {
      response.setHeader('content-type', 'text/javascript').end(readFileSync(new URL(`.${pathname}`, ROOT)));
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
  const fail = (error) => report({ failed: String(error?.stack ?? error) });
  // Chromium drops requests under way when a network interface of the machine comes or goes: the modules are loaded again then.
  const loads = Number(sessionStorage.getItem('loads')) + 1;
  sessionStorage.setItem('loads', loads);
  import('/test/browser/${new URLSearchParams(search).get('script')}').then(
    ({ default: run }) => run(new URLSearchParams(location.search)).then(report, fail),
    (error) => (loads < ${MAX_LOADS} ? location.reload() : fail(error)),
  );
</script>`;

function forward(url: string, incoming: IncomingMessage, response: ServerResponse): void {
  const onward = request(url, { method: incoming.method!, headers: incoming.headers }, (answer) => {
    response.writeHead(answer.statusCode!, answer.headers);
    answer.pipe(response);
  });
  onward.on('error', () => response.destroy());
  response.on('close', () => onward.destroy());
  incoming.pipe(onward);
}
