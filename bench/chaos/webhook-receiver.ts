/** A receiver of webhooks that records the messages about each job. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';
import type { JobResource } from '@facequeue/client';
import { sleep } from '@facequeue/time';
import type { Expectations } from './expectations.ts';

const POLL_EVERY_MS = 100;
/** A webhook whose first attempts were lost with their workers arrives in this time, ms: a lease, and a retry delay. */
const ARRIVAL_MS = 120_000;

export interface WebhookReceiver extends AsyncDisposable {
  readonly url: string;
  readonly host: string;
  /** Messages received, repetitions included. */
  readonly count: number;
  expect(id: string): void;
  /** Waits for all expected webhooks, and compares what they report with the expectations. */
  settle(expectations: Expectations): Promise<void>;
}

export async function startWebhookReceiver(): Promise<WebhookReceiver> {
  const received = new Map<string, Map<string, JobResource>>();
  const expected = new Set<string>();
  let count = 0;
  const server = createServer(async (request, response) => {
    try {
      const { data } = (await json(request)) as { data: JobResource };
      count += 1;
      const messages = received.get(data.id) ?? new Map<string, JobResource>();
      messages.set(String(request.headers['webhook-id']), data);
      received.set(data.id, messages);
      response.writeHead(204).end();
    } catch {
      // The worker was killed while it sent. The webhook comes again.
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
    async settle(expectations) {
      const until = performance.now() + ARRIVAL_MS;
      const missing = () => [...expected].filter((id) => !received.has(id));
      while (missing().length > 0 && performance.now() < until) await sleep(POLL_EVERY_MS);
      for (const id of missing()) expectations.problem(`the webhook of ${id} never came`);
      for (const id of expected) {
        const messages = received.get(id);
        if (messages && messages.size > 1)
          expectations.problem(`${id} was reported by ${messages.size} different webhooks`);
        for (const job of messages?.values() ?? []) expectations.observedJob('webhook', job);
      }
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
    },
  };
}
