import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CONTENT_TYPE, type Registry } from '@facequeue/metrics';
import { SECURITY_HEADERS } from '@facequeue/service/security-headers';
import { withTimeout } from '@facequeue/time';

/** Named checks. A check that rejects or takes too long has failed. */
export type Checks = Record<string, () => Promise<void>>;

/** A listening health port. */
export interface HealthServer {
  readonly port: number;
  close(): void;
}

/**
 * Serves `/livez`, which answers while the event loop runs, `/readyz`, which runs the checks and says which failed, and
 * `/metrics`. The reason of a failure may contain internal addresses, so it is not reported.
 * @param limitMs time a check may take before it counts as failed
 * @throws the listen error: the port is in use, or the address is not of this machine
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
      response.writeHead(status, { ...SECURITY_HEADERS, 'Content-Type': 'application/json' });
      response.end(`${JSON.stringify(body)}\n`);
    };
    if (path === '/livez') return answer(200, { status: 'ok' });
    if (path === '/metrics') {
      response.writeHead(200, { ...SECURITY_HEADERS, 'Content-Type': CONTENT_TYPE });
      return response.end(await metrics.text());
    }
    if (path !== '/readyz') return answer(404, { status: 'not found' });
    const results = await Promise.all(
      Object.entries(checks).map(async ([name, check]) => [name, await passes(check, limitMs)]),
    );
    const ready = results.every(([, passed]) => passed);
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

function passes(check: () => Promise<void>, limitMs: number): Promise<boolean> {
  return withTimeout(check(), limitMs, () => new Error('the check took too long')).then(
    () => true,
    () => false,
  );
}
