/** A receiver of webhooks: what it was told of each job. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JobResource } from '@facequeue/client';
import type { Ledger } from './ledger.ts';

const LOOK_EVERY_MS = 100;
/** A webhook whose first tries were lost with their workers comes within this, ms: a lease, and a pause. */
const WITHIN_MS = 120_000;

export interface Hooks extends AsyncDisposable {
  readonly url: string;
  readonly host: string;
  /** Messages, repetitions included. */
  readonly count: number;
  expect(id: string): void;
  /** Waits for all that must come, and tells the ledger what was told. */
  settle(ledger: Ledger): Promise<void>;
}

export async function receiveHooks(): Promise<Hooks> {
  const told = new Map<string, Map<string, JobResource>>();
  const expected = new Set<string>();
  let count = 0;
  const server = createServer(async (request, response) => {
    try {
      const { data } = (await json(request)) as { data: JobResource };
      count += 1;
      const messages = told.get(data.id) ?? new Map<string, JobResource>();
      messages.set(String(request.headers['webhook-id']), data);
      told.set(data.id, messages);
      response.writeHead(204).end();
    } catch {
      // Its worker was killed while it sent; it comes again.
      response.destroy();
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    host,
    url: `http://${host}/hook`,
    get count() {
      return count;
    },
    expect: (id) => void expected.add(id),
    async settle(ledger) {
      const until = performance.now() + WITHIN_MS;
      const missing = () => [...expected].filter((id) => !told.has(id));
      while (missing().length > 0 && performance.now() < until) await sleep(LOOK_EVERY_MS);
      for (const id of missing()) ledger.problem(`the webhook of ${id} never came`);
      for (const id of expected) {
        const messages = told.get(id);
        if (messages && messages.size > 1) ledger.problem(`${id} was told by ${messages.size} different webhooks`);
        for (const job of messages?.values() ?? []) ledger.sawJob('webhook', job);
      }
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}
