import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CONTENT_TYPE, type Registry } from '@facequeue/metrics';

/** Named checks; one that rejects or takes too long has failed. */
export type Checks = Record<string, () => Promise<void>>;

/** A listening health port. */
export interface HealthServer {
  readonly port: number;
  close(): void;
}

/**
 * `/livez` answers as long as the event loop turns; `/readyz` runs the checks and says which failed (never why: the
 * reason may name internal addresses and is in the log); `/metrics` tells what is counted.
 * @param limitMs how long a check may take before it counts as failed
 * @throws the listen error: port taken, address not ours
 */
export async function startHealthServer(
  host: string,
  port: number,
  checks: Checks,
  metrics: Registry,
  limitMs = 2000,
): Promise<HealthServer> {
  const server = createServer(async (request, response) => {
    const path = request.url?.split('?')[0];
    const answer = (status: number, body: object) => {
      response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
      response.end(`${JSON.stringify(body)}\n`);
    };
    if (path === '/livez') return answer(200, { status: 'ok' });
    if (path === '/metrics') {
      response.writeHead(200, { 'content-type': CONTENT_TYPE, 'cache-control': 'no-store' });
      return response.end(await metrics.text());
    }
    if (path !== '/readyz') return answer(404, { status: 'not found' });
    const results = await Promise.all(
      Object.entries(checks).map(async ([name, check]) => [name, await holds(check, limitMs)]),
    );
    const ready = results.every(([, held]) => held);
    return answer(ready ? 200 : 503, { status: ready ? 'ok' : 'not ready', checks: Object.fromEntries(results) });
  });
  server.listen(port, host);
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function holds(check: () => Promise<void>, limitMs: number): Promise<boolean> {
  const { promise, reject } = Promise.withResolvers<never>();
  const limit = setTimeout(reject, limitMs);
  return Promise.race([check(), promise])
    .then(
      () => true,
      () => false,
    )
    .finally(() => clearTimeout(limit));
}
