/** Clients that hold connections without using them, against a gateway and a worker, while somebody else calls. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openRaw, parseRaw, type RawConnection } from '../support/clients/raw-http.ts';
import { apiKeys, keyOf } from '../support/gateway/api-keys.ts';
import { type GatewayProcess, type Installation, startInstallation } from '../support/processes/installation.ts';
import { residentBytes } from '../support/processes/process-table.ts';

const ASTRONAUT = readFileSync(new URL('../images/astronaut.png', import.meta.url));
/** Connections of each kind. */
const COUNT = 150;

let installation: Installation;
let gateway: GatewayProcess;
beforeAll(async () => {
  installation = await startInstallation();
  gateway = await installation.gateway({
    API_KEYS: apiKeys('slow', 'other'),
    HEADER_TIMEOUT: '2s',
    BODY_TIMEOUT: '3s',
  });
  await installation.worker();
});
afterAll(() => installation?.[Symbol.asyncDispose]());

const call = (request: string, ...headers: string[]) =>
  [request, 'host: gateway', `x-api-key: ${keyOf('slow')}`, ...headers, '', ''].join('\r\n');

/** What a client sends at once, and what it adds every half second. */
const KINDS: Record<string, { first: string; drip: string; ends: number[] }> = {
  'headers that never end': {
    first: 'POST /face_detection HTTP/1.1\r\nhost: gateway\r\n',
    drip: 'x-a: b\r\n',
    ends: [408],
  },
  'a body that drips': {
    first: call('POST /face_detection HTTP/1.1', 'content-type: image/jpeg', 'content-length: 20000000'),
    drip: '.',
    ends: [408, 429, 503],
  },
  'a body of chunks that drips': {
    first: call('POST /face_detection HTTP/1.1', 'content-type: image/jpeg', 'transfer-encoding: chunked'),
    drip: '1\r\n.\r\n',
    ends: [408, 429, 503],
  },
  'items that drip': {
    first: call('POST /batches?open=true HTTP/1.1', 'content-type: application/x-ndjson', 'transfer-encoding: chunked'),
    drip: '1\r\n \r\n',
    ends: [408, 429, 503],
  },
};

async function otherCall(): Promise<number> {
  const response = await fetch(`${gateway.url}/face_detection`, {
    method: 'POST',
    headers: { 'content-type': 'image/png', 'x-api-key': keyOf('other') },
    body: new Uint8Array(ASTRONAUT),
  });
  await response.arrayBuffer();
  return response.status;
}

it('six hundred clients that drip are answered and disconnected, and keep nobody else from an answer', async () => {
  const port = Number(new URL(gateway.url).port);
  const clients = await Promise.all(
    Object.entries(KINDS).flatMap(([kind, { first, drip, ends }]) =>
      Array.from({ length: COUNT }, async () => {
        const connection = await openRaw(port);
        await connection.send(first);
        const timer = setInterval(() => void connection.send(drip), 500);
        const answer = connection.rest().then((text) => {
          clearInterval(timer);
          return parseRaw(text).status;
        });
        return { kind, ends, connection, answer };
      }),
    ),
  );
  try {
    // The same connections are open all the while.
    const statuses = [];
    let most = 0;
    for (let i = 0; i < 5; i++) {
      statuses.push(await otherCall());
      most = Math.max(most, residentBytes(gateway.pid));
    }
    expect(statuses).toEqual([200, 200, 200, 200, 200]);
    expect(most / 1e6).toBeLessThan(500);
    const answers = await Promise.all(
      clients.map(async ({ kind, ends, answer }) => ({ kind, ends, status: await answer })),
    );
    expect(answers.filter(({ ends, status }) => !ends.includes(status))).toEqual([]);
    expect(await otherCall()).toBe(200);
  } finally {
    for (const { connection } of clients as { connection: RawConnection }[]) connection[Symbol.dispose]();
  }
});
