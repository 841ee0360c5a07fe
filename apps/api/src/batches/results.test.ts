import { once } from 'node:events';
import type { ClaimedJob, GatewayQueue, Outcome } from '@facequeue/queue';
import { ItemLine } from '@facequeue/schema';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openRaw } from '../../../../test/support/clients/raw-http.ts';
import {
  CANNED_OUTCOME,
  type CannedWorker,
  startCannedWorker,
  startTestGateway,
  type TestGateway,
} from '../../../../test/support/gateway/index.ts';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { countOpen } from '../http/testing/open-waits.ts';
import { allResults, get, inline, lines, post, results } from './testing/client.ts';

let redis: TestRedis;
let gateway: TestGateway;
let worker: CannedWorker;
const answer: (job: ClaimedJob) => Outcome | Promise<Outcome> = () => CANNED_OUTCOME;

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url);
  worker = await startCannedWorker(gateway, (job) => answer(job));
});

afterAll(async () => {
  await worker?.close();
  await gateway?.close();
  await redis?.stop();
});

const items = (count: number) => lines(Array.from({ length: count }, (_, i) => inline(`bytes ${i}`, `item-${i}`)));

async function ended(count: number): Promise<string> {
  const { body } = await post(`${gateway.url}/batches`, items(count));
  await allResults(gateway, body.id);
  return body.id;
}

async function openBatch(at = gateway): Promise<string> {
  return (await post(`${at.url}/batches?open=true`)).body.id;
}

/** Reads a stream line by line. */
async function follow(at: TestGateway, id: string, after = '') {
  const query = `follow=true${after && `&after=${after}`}`;
  const response = await fetch(`${at.url}/batches/${id}/results?${query}`);
  const decoder = new TextDecoder();
  const reader = response.body!.getReader();
  let text = '';
  return {
    response,
    /** Null at the end; rejects when the connection is cut. */
    async next(): Promise<string | null> {
      for (;;) {
        const end = text.indexOf('\n');
        if (end >= 0) {
          const line = text.slice(0, end);
          text = text.slice(end + 1);
          return line;
        }
        const { done, value } = await reader.read();
        if (done) return null;
        text += decoder.decode(value, { stream: true });
      }
    },
  };
}

/**
 * Makes waits for changes time out: the first `first` at once, the others when `now` resolves.
 * @returns the time-out that each wait was given
 */
function hurry(queue: GatewayQueue, first: number, now: Promise<unknown>): number[] {
  const waited: number[] = [];
  const original = queue.subscribe.bind(queue);
  vi.spyOn(queue, 'subscribe').mockImplementation((id) => {
    const changes = original(id);
    const { nextChange } = changes;
    return Object.assign(changes, {
      nextChange: (ms: number, signal?: AbortSignal) =>
        waited.push(ms) <= first
          ? Promise.resolve(false)
          : Promise.race([now.then(() => false), nextChange(ms, signal)]),
    });
  });
  return waited;
}

describe('GET /batches/{id}/results', () => {
  it('returns each item once, in pages or whole, as documented', async () => {
    const id = await ended(600);
    const whole = await results(gateway, id);
    expect(whole.length).toBe(600);
    expect(ItemLine.strict().parse(whole[0])).toEqual(whole[0]);
    const paged: ItemLine[] = [];
    for (let after = ''; ; after = paged.at(-1)!.cursor) {
      const page = await results(gateway, id, `?limit=70${after && `&after=${after}`}`);
      expect(page.length).toBeLessThanOrEqual(70);
      paged.push(...page);
      if (page.length < 70) break;
    }
    expect(paged).toEqual(whole);
    expect(new Set(paged.map((item) => item.id)).size).toBe(600);
    expect(await results(gateway, id, '?after=600')).toEqual([]);
  });

  it('is NDJSON, and HEAD has its headers', async () => {
    const id = await ended(1);
    const path = `${gateway.url}/batches/${id}/results`;
    for (const method of ['GET', 'HEAD']) {
      const response = await fetch(path, { method });
      expect(response.headers.get('content-type')).toBe('application/x-ndjson');
      expect((await response.text()).endsWith('}\n')).toBe(method === 'GET');
    }
  });

  it('refuses an invalid cursor', async () => {
    const id = await ended(1);
    for (const query of ['after=last', 'after=-1', 'limit=0', 'follow=yes', 'page=2']) {
      expect(await get(`${gateway.url}/batches/${id}/results?${query}`)).toMatchObject({
        status: 400,
        body: { code: 'invalid_request' },
      });
    }
  });

  it('without follow returns the items that have ended so far', async () => {
    const id = await openBatch();
    expect(await results(gateway, id)).toEqual([]);
    await post(`${gateway.url}/batches/${id}/items`, items(3));
    await expect.poll(async () => (await results(gateway, id)).length, { timeout: 10_000 }).toBe(3);
  });

  it('waits for a client that reads slowly, instead of buffering the results', { timeout: 120_000 }, async () => {
    const id = await ended(6000);
    const pages = vi.spyOn(gateway.queue.batches, 'results');
    using raw = await openRaw(gateway.port);
    raw.socket.pause();
    await raw.send(`GET /batches/${id}/results HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
    // Some 14 MB of JSON in 24 pages: the sockets buffer about 5 MB of it.
    await expect.poll(() => pages.mock.calls.length, { timeout: 10_000 }).toBeGreaterThan(0);
    let before = -1;
    const still = () => {
      const last = before;
      before = pages.mock.calls.length;
      return before === last;
    };
    await expect.poll(still, { interval: 500, timeout: 10_000 }).toBe(true);
    expect(before).toBeLessThan(16);
    raw.socket.resume();
    const all = await raw.rest();
    expect(all.endsWith('\r\n0\r\n\r\n')).toBe(true);
    expect(all.match(/"cursor":/g)?.length).toBe(6000);
    pages.mockRestore();
  });
});

describe('results that are followed', () => {
  it('arrive as items end, for each of two readers, until the last', async () => {
    const id = await openBatch();
    const readers = await Promise.all([follow(gateway, id), follow(gateway, id)]);
    const read: ItemLine[][] = [[], []];
    for (let round = 0; round < 3; round++) {
      const item = lines([inline(`round ${round}`, `round-${round}`)]);
      await post(`${gateway.url}/batches/${id}/items`, item);
      for (const [i, reader] of readers.entries()) read[i]!.push(JSON.parse((await reader.next())!));
    }
    expect(read[0]!.map((item) => item.id)).toEqual(['round-0', 'round-1', 'round-2']);
    expect(read[1]).toEqual(read[0]);
    await post(`${gateway.url}/batches/${id}/close`);
    for (const reader of readers) expect(await reader.next()).toBeNull();
  });

  it('end after limit items, and begin after a cursor, while the batch goes on', async () => {
    const id = await openBatch();
    const first = results(gateway, id, '?follow=true&limit=2');
    await post(`${gateway.url}/batches/${id}/items`, items(3));
    const two = await first;
    expect(two.length).toBe(2);
    const next = await results(gateway, id, `?follow=true&limit=1&after=${two[1]!.cursor}`);
    expect(new Set([...two, ...next].map((item) => item.id))).toEqual(new Set(['item-0', 'item-1', 'item-2']));
    await fetch(`${gateway.url}/batches/${id}`, { method: 'DELETE' });
  });

  it('are complete for a large batch, read while it runs', async () => {
    const { body } = await post(`${gateway.url}/batches`, items(1000));
    const [one, other] = await Promise.all([allResults(gateway, body.id), allResults(gateway, body.id)]);
    expect(one.length).toBe(1000);
    expect(new Set(one.map((item) => item.id)).size).toBe(1000);
    expect(other).toEqual(one);
  });

  it('contain a blank line as a heartbeat every 15 s', async () => {
    await using at = await startTestGateway(redis.url);
    const waited = hurry(at.queue, 2, new Promise(() => {}));
    const id = await openBatch(at);
    const reader = await follow(at, id);
    for (let i = 0; i < 2; i++) expect(await reader.next()).toBe('');
    await post(`${at.url}/batches/${id}/close`);
    expect(await reader.next()).toBeNull();
    expect(waited.slice(0, 2)).toEqual([15_000, 15_000]);
  });

  it('are cut when the gateway shuts down, and resume at another', async () => {
    const ending = await startTestGateway(redis.url, { QUEUE_PREFIX: gateway.prefix });
    const id = await openBatch();
    const reader = await follow(ending, id);
    await post(`${gateway.url}/batches/${id}/items`, items(2));
    const seen = [JSON.parse((await reader.next())!), JSON.parse((await reader.next())!)] as ItemLine[];
    const closed = ending.close(60_000);
    await expect(reader.next()).rejects.toThrow();
    await closed;
    await post(`${gateway.url}/batches/${id}/items`, lines([inline('third', 'third')]));
    await post(`${gateway.url}/batches/${id}/close`);
    const rest = await results(gateway, id, `?follow=true&after=${seen[1]!.cursor}`);
    expect(rest.map((item) => item.id)).toEqual(['third']);
  });

  it('are cut when the batch is erased, so that nobody takes them for complete', async () => {
    const id = await openBatch();
    const reader = await follow(gateway, id);
    await fetch(`${gateway.url}/batches/${id}`, { method: 'DELETE' });
    await expect(reader.next()).rejects.toThrow();
    expect((await get(`${gateway.url}/batches/${id}/results?follow=true`)).status).toBe(410);
  });

  it('are cut when Redis becomes unreachable, and resume when it is back', async () => {
    await using away = await startRedis({ appendonly: 'always' });
    await using at = await startTestGateway(away.url);
    const gone = Promise.withResolvers<void>();
    hurry(at.queue, 0, gone.promise);
    const id = await openBatch(at);
    const reader = await follow(at, id);
    await away.kill();
    gone.resolve();
    const cut = (async () => {
      while ((await reader.next()) === '');
    })();
    await expect(cut).rejects.toThrow();
    await away.restart();
    await expect.poll(async () => (await post(`${at.url}/batches/${id}/close`)).status, { timeout: 20_000 }).toBe(200);
    expect(await results(at, id)).toEqual([]);
  });

  it('leave no subscription behind when the client disconnects', async () => {
    const open = countOpen(gateway.queue);
    const id = await openBatch();
    using raw = await openRaw(gateway.port);
    await raw.send(`GET /batches/${id}/results?follow=true HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    await expect.poll(() => open.subscriptions).toBe(1);
    raw.socket.destroy();
    await once(raw.socket, 'close');
    await expect.poll(() => open.subscriptions).toBe(0);
  });
});
