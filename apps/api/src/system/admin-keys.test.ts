import type { KeysResource } from '@facequeue/schema';
import { afterAll, beforeAll, expect, it } from 'vitest';
import {
  apiKeys,
  type GatewayPair,
  keyOf,
  startGatewayPair,
  startTestGateway,
  TestKeysFile,
} from '../../../../test/support/gateway/index.ts';
import { parseExposition, seriesValue } from '../../../../test/support/metrics/exposition.ts';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { readEvents } from '../streaming/testing/sse-reader.ts';

let redis: TestRedis;
let file: TestKeysFile;
let gateways: GatewayPair;
beforeAll(async () => {
  redis = await startRedis();
  file = new TestKeysFile(
    { name: 'boss', scopes: ['admin', 'metrics'] },
    {
      name: 'shop',
      scopes: ['cameras'],
      rate: { requests: 3, per: '1h' },
      concurrent: 9,
      waiting: 30,
      weight: 4,
      max_image_bytes: 5000,
      sources: ['url'],
      expires_at: '2099-01-01T00:00:00Z',
      previous: [{ sha256: 'a'.repeat(64), expires_at: '2099-01-01T00:00:00Z' }],
    },
  );
  gateways = await startGatewayPair(redis.url, { API_KEYS: apiKeys('fixed'), API_KEYS_FILE: file.path });
});
afterAll(async () => {
  await gateways?.[Symbol.asyncDispose]();
  file?.[Symbol.dispose]();
  await redis?.stop();
});

const get = (at: 0 | 1, key: string, path = '/cameras') =>
  fetch(gateways[at].url + path, { headers: { 'x-api-key': keyOf(key) } });
const listed = async () => ((await (await get(0, 'boss', '/admin/keys')).json()) as KeysResource).keys;

it('lists every key with what it may do, and no hash', async () => {
  const keys = await listed();
  expect(keys.map(({ name, from, scopes }) => [name, from, scopes.length])).toEqual([
    ['fixed', 'API_KEYS', 5],
    ['boss', 'API_KEYS_FILE', 2],
    ['shop', 'API_KEYS_FILE', 1],
  ]);
  expect(keys[2]).toMatchObject({
    scopes: ['cameras'],
    rate: { requests: 3, period_ms: 3_600_000, burst: 3 },
    concurrent: 9,
    waiting: 30,
    weight: 4,
    max_image_bytes: 5000,
    sources: ['url'],
    expires_at: '2099-01-01T00:00:00.000Z',
  });
  expect(keys[0]).toMatchObject({
    rate: null,
    concurrent: null,
    waiting: null,
    max_image_bytes: null,
    expires_at: null,
    weight: 1,
  });
  expect(JSON.stringify(keys)).not.toMatch(/[0-9a-f]{64}/);
});

it('shows how each key was used, over all gateways', async () => {
  expect((await listed())[0]!.use).toEqual({ calls: 0, refused: 0, last_call_at: null, in_progress: 0 });
  const began = Date.now();
  using _stream = await readEvents(`${gateways[1].url}/cameras/gate/events`, { 'x-api-key': keyOf('shop') });
  const statuses = [];
  for (const at of [0, 1, 0, 1, 0] as const) statuses.push((await get(at, 'shop')).status);
  expect(statuses).toEqual([200, 200, 429, 429, 429]);
  await expect
    .poll(async () => (await listed())[2]!.use, { timeout: 10_000 })
    .toMatchObject({ calls: 5, refused: 3, in_progress: 1 });
  const { last_call_at } = (await listed())[2]!.use;
  expect(Date.parse(last_call_at!)).toBeGreaterThanOrEqual(began);
  expect(Date.parse(last_call_at!)).toBeLessThanOrEqual(Date.now());

  const metrics = parseExposition(await (await get(0, 'boss', '/metrics')).text());
  const calls = (status: string) => seriesValue(metrics, 'facequeue_key_calls_total', { key: 'shop', status });
  expect([calls('200'), calls('429')]).toEqual([1, 2]);
});

it('is kept by a gateway that stops', async () => {
  const stopping = await startTestGateway(redis.url, {
    API_KEYS: apiKeys('fixed'),
    QUEUE_PREFIX: gateways[0].prefix,
  });
  const before = (await listed())[0]!.use.calls;
  await fetch(`${stopping.url}/cameras`, { headers: { 'x-api-key': keyOf('fixed') } });
  await stopping.close();
  expect((await listed())[0]!.use.calls).toBe(before + 1);
});

it('needs the scope admin, which no key of API_KEYS has, and no query', async () => {
  expect((await get(0, 'fixed', '/admin/keys')).status).toBe(403);
  expect((await get(0, 'boss', '/admin/keys?all=1')).status).toBe(400);
});
