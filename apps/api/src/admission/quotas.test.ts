/** Rates and calls in progress of keys, as callers see them. */
import { setTimeout as delay } from 'node:timers/promises';
import { parseList } from 'structured-headers';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  type GatewayPair,
  keyOf,
  startGatewayPair,
  startTestGateway,
  type TestKey,
  TestKeysFile,
} from '../../../../test/support/gateway/index.ts';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { readEvents } from '../streaming/testing/sse-reader.ts';

let redis: TestRedis;
let file: TestKeysFile;
let gateways: GatewayPair;
beforeAll(async () => {
  redis = await startRedis();
  file = new TestKeysFile();
  gateways = await startGatewayPair(redis.url, { API_KEYS_FILE: file.path });
});
afterAll(async () => {
  await gateways?.[Symbol.asyncDispose]();
  file?.[Symbol.dispose]();
  await redis?.stop();
});

let key: string;
let keys = 0;
beforeEach(() => {
  key = `key-${keys++}`;
});

async function useKey(limits: Partial<TestKey>) {
  file.write({ name: key, ...limits });
  for (const gateway of gateways) await gateway.reloadKeys();
}
const get = (at: 0 | 1, path = '/cameras') => fetch(gateways[at].url + path, { headers: { 'x-api-key': keyOf(key) } });
/** A RateLimit header as [name, parameters]. */
const parsed = (response: Response, name: string) =>
  parseList(response.headers.get(name) ?? '').map(([item, parameters]) => [item, Object.fromEntries(parameters)]);

describe('the rate of a key', () => {
  it('holds over two gateways: of a client that calls 200 times a second, 50 are served', async () => {
    // A burst of three seconds: what a busy machine misses for that long is made up for.
    await useKey({ rate: { requests: 50, per: '1s', burst: 150 } });
    const status = async (i: number) => {
      const response = await get((i % 2) as 0 | 1);
      await response.body?.cancel();
      return response.status;
    };
    // Redis finds the burst used up somewhere between the two; from then on, what is served is the rate.
    let [before, after] = [0, 0];
    for (let i = 0; before === after; i++) {
      const asked = performance.now();
      if ((await status(i)) !== 200) [before, after] = [asked, performance.now()];
    }
    const seconds = (since: number) => (performance.now() - since) / 1000;
    let [sent, served, atLeast, atMost] = [0, 0, 0, 0];
    const client = async () => {
      while (seconds(after) < 4) {
        while (sent >= seconds(after) * 200) await delay(2);
        const asked = seconds(after);
        if ((await status(sent++)) !== 200) continue;
        served += 1;
        atLeast = Math.max(atLeast, asked);
        atMost = seconds(before);
      }
    };
    await Promise.all(Array.from({ length: 16 }, client));
    expect(sent).toBeGreaterThan(served);
    expect(served / atLeast).toBeGreaterThan(45);
    expect(served / atMost).toBeLessThan(55);
  });

  it('is told with each answer, and a call beyond it is refused unread, with the time to try again', async () => {
    await useKey({ rate: { requests: 60, per: '1h', burst: 3 }, scopes: ['cameras'] });
    const answers = [await get(0), await get(1), await get(0, '/cameras/none')];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 404]);
    for (const [i, answer] of answers.entries()) {
      expect(parsed(answer, 'ratelimit-policy')).toEqual([['rate', { q: 60, w: 3600 }]]);
      expect(parsed(answer, 'ratelimit')).toEqual([['rate', { r: 2 - i, t: 60 * (i + 1) }]]);
    }
    const refused = await fetch(`${gateways[1].url}/cameras/gate/frames`, {
      method: 'POST',
      headers: { 'x-api-key': keyOf(key), 'content-type': 'text/plain' },
      body: 'no image',
    });
    expect(refused.status).toBe(429);
    expect(await refused.json()).toMatchObject({
      code: 'quota_exceeded',
      detail: `the key ${key} has used up its rate of calls`,
    });
    expect(parsed(refused, 'ratelimit')).toEqual([['rate', { r: 0, t: 180 }]]);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(50);
    expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(60);
  });

  it('is not used by calls that are forbidden, nor known by routes without keys', async () => {
    await useKey({ rate: { requests: 1, per: '1h' }, scopes: ['cameras'] });
    for (let i = 0; i < 3; i++) expect((await get(0, '/system')).status).toBe(403);
    expect((await get(0, '/livez')).headers.get('ratelimit')).toBeNull();
    expect((await get(0)).status).toBe(200);
    expect((await get(1)).status).toBe(429);
  });

  it('that the file changes holds from the next call on', async () => {
    await useKey({ rate: { requests: 1, per: '1h' } });
    expect([(await get(0)).status, (await get(0)).status]).toEqual([200, 429]);
    await useKey({});
    const free = await get(0);
    expect([free.status, free.headers.get('ratelimit-policy')]).toEqual([200, null]);
  });
});

describe('the calls of a key in progress', () => {
  it('are counted over two gateways until their answers end, streams included', async () => {
    await useKey({ concurrent: 2 });
    const idle = await get(0);
    expect(parsed(idle, 'ratelimit-policy')).toEqual([['concurrent', { q: 2, qu: 'concurrent-requests' }]]);
    expect(parsed(idle, 'ratelimit')).toEqual([['concurrent', { r: 1 }]]);
    await idle.text();
    const open = (at: 0 | 1) => readEvents(`${gateways[at].url}/cameras/gate/events`, { 'x-api-key': keyOf(key) });
    const streams = [await open(0), await open(1)];
    const refused = await get(1);
    expect(refused.status).toBe(429);
    expect(await refused.json()).toMatchObject({ detail: `the key ${key} has as many calls in progress as it may` });
    expect(refused.headers.get('retry-after')).toBe('1');
    streams[0]![Symbol.dispose]();
    await expect.poll(async () => (await get(1)).status, { timeout: 5000 }).toBe(200);
    streams[1]![Symbol.dispose]();
  });
});

const ITEM = '{"url":"https://example.com/a.jpg"}';

it('the waiting jobs, frames and items of a key are limited over two gateways, by the file as it is when they are submitted', async () => {
  await useKey({ waiting: 2 });
  const post = (at: 0 | 1, path: string, items = ITEM) => {
    const [type, body] = path.startsWith('/batches') ? ['application/x-ndjson', items] : ['image/png', 'image'];
    const headers = { 'x-api-key': keyOf(key), 'content-type': type, prefer: 'respond-async' };
    return fetch(gateways[at].url + path, { method: 'POST', headers, body });
  };
  const append = async (at: 0 | 1, batch: string) => (await post(at, `/batches/${batch}/items`)).status;
  const { id: batch } = (await (await post(0, '/batches?open=true', '')).json()) as { id: string };
  expect((await post(0, '/face_detection')).status).toBe(202);
  expect(await append(1, batch)).toBe(200);
  for (const path of ['/face_detection', '/cameras/gate/frames', '/batches?open=true']) {
    const refused = await post(1, path);
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await refused.json()).toMatchObject({
      status: 429,
      code: 'quota_exceeded',
      detail: 'this API key has as many jobs, items and frames waiting as its limit `waiting` allows',
    });
  }
  expect(await append(0, batch)).toBe(429);
  await useKey({ waiting: 3 });
  expect((await post(1, '/cameras/gate/frames')).status).toBe(202);
  expect((await post(1, '/cameras/door/frames')).status).toBe(429);
  await useKey({});
  expect((await post(1, '/cameras/door/frames')).status).toBe(202);
  // A batch keeps the limit that it was created with.
  expect(await append(0, batch)).toBe(429);
});

it('a key with limits gets 503 while Redis is away, and one without is answered what needs no Redis', async () => {
  await using own = Object.assign(await startRedis(), { [Symbol.asyncDispose]: () => own.stop() });
  using keysFile = new TestKeysFile(
    { name: 'limited', scopes: ['metrics'], rate: { requests: 9, per: '1s' } },
    { name: 'free', scopes: ['metrics'] },
  );
  await using gateway = await startTestGateway(own.url, { API_KEYS_FILE: keysFile.path });
  const metrics = async (name: string) =>
    (await fetch(`${gateway.url}/metrics`, { headers: { 'x-api-key': keyOf(name) } })).status;
  expect([await metrics('limited'), await metrics('free')]).toEqual([200, 200]);
  await own.stop();
  await expect.poll(() => metrics('limited'), { timeout: 15_000 }).toBe(503);
  expect(await metrics('free')).toBe(200);
});
