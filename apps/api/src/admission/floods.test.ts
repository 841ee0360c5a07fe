/** Callers that occupy what a gateway has, and what others get meanwhile. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { openRaw, parseRaw, type RawConnection } from '../../../../test/support/clients/raw-http.ts';
import {
  apiKeys,
  CANNED_OUTCOME,
  type CannedWorker,
  keyOf,
  startCannedWorker,
  startTestGateway,
  type TestGateway,
} from '../../../../test/support/gateway/index.ts';
import { parseExposition, seriesValue } from '../../../../test/support/metrics/exposition.ts';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { NOTHING, watchRetained } from '../http/testing/retained.ts';

const PLACES = 16;
/** Of PLACES, for one flow alone. */
const SHARE = 14;

let retained: ReturnType<typeof watchRetained>;
let redis: TestRedis;
/** With keys. */
let gateway: TestGateway;
let worker: CannedWorker;
/** Jobs by URL end when this does. */
const end = Promise.withResolvers<void>();
beforeAll(async () => {
  retained = watchRetained();
  redis = await startRedis();
  gateway = await startTestGateway(redis.url, {
    API_KEYS: apiKeys('flood', 'shop'),
    MAX_STREAMS: `${PLACES}`,
    MAX_OPEN_WAITS: `${PLACES}`,
  });
  worker = await startCannedWorker(gateway, async ({ source }) => {
    if (source.kind === 'url') await end.promise;
    return CANNED_OUTCOME;
  });
});
afterAll(async () => {
  end.resolve();
  await worker?.close();
  await gateway?.close();
  vi.restoreAllMocks();
  await redis?.stop();
});
afterEach(async () => {
  await expect.poll(() => retained(gateway), { timeout: 10_000 }).toEqual(NOTHING);
});

const detect = (key: string, at = gateway) =>
  fetch(`${at.url}/face_detection`, {
    method: 'POST',
    headers: { 'content-type': 'image/png', 'x-api-key': keyOf(key) },
    body: 'image',
  });
const detects = async (key: string) => {
  const response = await detect(key);
  await response.arrayBuffer();
  return response.status;
};

/** Opens connections that send `head` and stay. */
async function openMany(stack: DisposableStack, port: number, count: number, head: string): Promise<RawConnection[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const raw = stack.use(await openRaw(port));
      await raw.send(head);
      return raw;
    }),
  );
}
const headOf = (method: string, path: string, key: string, ...headers: string[]) =>
  [`${method} ${path} HTTP/1.1`, 'Host: localhost', `X-Api-Key: ${keyOf(key)}`, ...headers, '', ''].join('\r\n');

describe('200 calls that announce 20 MB and send a byte a second', () => {
  it.each([
    ['of stated length', 'Content-Length: 20000000', 'x'],
    ['in chunks', 'Transfer-Encoding: chunked', '1\r\nx\r\n'],
  ])('%s take what they sent, and keep nobody out, their own key included', async (_, length, byte) => {
    using stack = new DisposableStack();
    const calls = await openMany(
      stack,
      gateway.port,
      200,
      headOf('POST', '/face_detection', 'flood', 'Content-Type: image/png', 'Prefer: respond-async', length),
    );
    for (let second = 1; second <= 3; second++) {
      await Promise.all(calls.map((call) => call.send(byte)));
      await expect.poll(() => retained(gateway).bodies, { timeout: 10_000 }).toBe(200 * second);
      expect([await detects('shop'), await detects('flood')]).toEqual([200, 200]);
    }
  });
});

describe('streams of one key', () => {
  it.each([
    ['events of a camera', () => '/cameras/gate/events'],
    ['events of a job', async () => `/jobs/${await queued()}/events`],
    ['results of a batch', async () => `/batches/${await openBatch()}/results?follow=true`],
  ])('as %s are refused beyond its share, and another key has streams', async (_, pathOf) => {
    const path = await pathOf();
    using stack = new DisposableStack();
    const open = await openMany(stack, gateway.port, SHARE, headOf('GET', path, 'flood'));
    for (const stream of open) expect(await stream.until('\r\n\r\n')).toMatch(/ 200 OK/);
    const refused = await fetch(gateway.url + path, { headers: { 'x-api-key': keyOf('flood') } });
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
    expect(await refused.json()).toMatchObject({
      code: 'quota_exceeded',
      detail: 'the key flood has as many streams open as it may',
    });
    const own = await openMany(stack, gateway.port, 1, headOf('GET', '/cameras/gate/events', 'shop'));
    expect(await own[0]!.until('\r\n\r\n')).toMatch(/ 200 OK/);
    expect([await detects('flood'), await detects('shop')]).toEqual([200, 200]);
    // A place is free when its client has gone.
    open[0]!.socket.destroy();
    const again = async () => {
      using call = await openRaw(gateway.port);
      await call.send(headOf('GET', path, 'flood'));
      return parseRaw(await call.until('\r\n\r\n')).status;
    };
    open[1]!.socket.destroy();
    await expect.poll(again, { timeout: 10_000 }).toBe(200);
  });

  it('of many keys in all are refused as the installation’s own limit', async () => {
    const names = Array.from({ length: PLACES + 1 }, (_, i) => `key-${i}`);
    await using at = await startTestGateway(redis.url, { API_KEYS: apiKeys(...names), MAX_STREAMS: `${PLACES}` });
    using stack = new DisposableStack();
    for (const name of names.slice(0, PLACES)) {
      const [stream] = await openMany(stack, at.port, 1, headOf('GET', '/cameras/gate/events', name));
      expect(await stream!.until('\r\n\r\n')).toMatch(/ 200 OK/);
    }
    const url = `${at.url}/cameras/gate/events`;
    const refused = await fetch(url, { headers: { 'x-api-key': keyOf(names[PLACES]!) } });
    expect(await refused.json()).toMatchObject({ status: 503, code: 'queue_full', detail: 'too many streams open' });
    const metrics = await fetch(`${at.url}/metrics`, { headers: { 'x-api-key': keyOf(names[0]!) } });
    expect(seriesValue(parseExposition(await metrics.text()), 'facequeue_refused_total', { reason: 'streams' })).toBe(
      1,
    );
  });
});

describe('open batches of one key', () => {
  it('are refused beyond its share over all gateways, until one is closed; another key has its own', async () => {
    await using at = await startTestGateway(redis.url, {
      API_KEYS: apiKeys('flood', 'shop'),
      MAX_OPEN_BATCHES: `${PLACES}`,
    });
    await using beside = await startTestGateway(redis.url, {
      API_KEYS: apiKeys('flood', 'shop'),
      MAX_OPEN_BATCHES: `${PLACES}`,
      QUEUE_PREFIX: at.prefix,
    });
    const make = async (gateway: TestGateway, key: string, query = '?open=true') => {
      const response = await fetch(`${gateway.url}/batches${query}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-api-key': keyOf(key) },
        body: JSON.stringify({ items: query ? [] : [{ img: 'aW1hZ2U=' }] }),
      });
      return { status: response.status, body: (await response.json()) as { id: string; code?: string } };
    };
    const made = [];
    for (let i = 0; i < SHARE; i++) made.push(await make(i % 2 ? at : beside, 'flood'));
    expect(made.map(({ status }) => status)).toEqual(Array.from({ length: SHARE }, () => 202));
    expect(await make(beside, 'flood')).toMatchObject({ status: 429, body: { code: 'quota_exceeded' } });
    expect((await make(at, 'flood', '')).status).toBe(202);
    expect((await make(at, 'shop')).status).toBe(202);
    // Two, because the other key has one by now, and an eighth stays free.
    for (const { body } of made.slice(0, 2)) {
      const init = { method: 'POST', headers: { 'x-api-key': keyOf('flood') } };
      expect((await fetch(`${at.url}/batches/${body.id}/close`, init)).status).toBe(200);
    }
    expect((await make(beside, 'flood')).status).toBe(202);
  });
});

describe('calls of one key that wait', () => {
  const prefer = ['Content-Type: application/json', 'Content-Length: 32', 'Prefer: wait=50', 'Idempotency-Key: "one"'];
  it.each([
    [
      'for the faces',
      async () => `${headOf('POST', '/face_detection', 'flood', ...prefer)}{"url":"https://example.com/in"}`,
      // A call that is repeated waits for its own job and for the first one's.
      1 + 2 * (SHARE - 1),
    ],
    ['for a job', async () => headOf('GET', `/jobs/${await queued()}?wait=50`, 'flood'), SHARE],
  ])(
    '%s are refused beyond its share before their body is read, and others are answered',
    async (_, headFor, waits) => {
      const head = await headFor();
      using stack = new DisposableStack();
      const calls = await openMany(stack, gateway.port, SHARE, head);
      await expect.poll(() => retained(gateway).waits, { timeout: 10_000 }).toBe(waits);
      expect(calls.map(({ socket }) => socket.bytesRead)).toEqual(calls.map(() => 0));
      const refused = await detect('flood');
      expect(await refused.json()).toMatchObject({
        status: 429,
        code: 'quota_exceeded',
        detail: 'the key flood has as many waiting calls as it may',
      });
      expect(await detects('shop')).toBe(200);
      const headers = { 'content-type': 'image/png', 'x-api-key': keyOf('flood'), prefer: 'respond-async' };
      const asynchronous = await fetch(`${gateway.url}/face_detection`, { method: 'POST', headers, body: 'image' });
      expect(asynchronous.status).toBe(202);
      await asynchronous.arrayBuffer();
    },
  );
});

describe('connections', () => {
  const LIVE = 'GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n';
  const HALF = 'GET /livez HTTP/1.1\r\nHost: loc';
  /** What a new connection from `address` gets. */
  const ask = async (port: number, localAddress: string) => {
    using raw = await openRaw(port, { localAddress });
    await raw.send(LIVE);
    await raw.until('}').catch(() => {});
    const { status, headers, body } = parseRaw(await raw.until('}'));
    return { status, retryAfter: /retry-after: (\S+)/i.exec(headers)?.[1], code: JSON.parse(body).code };
  };
  const open = async (stack: DisposableStack, at: TestGateway, count: number, sent: string) => {
    const connections = await openMany(stack, at.port, count, sent);
    if (sent === LIVE) for (const each of connections) await each.until('}');
    return connections;
  };

  it.each([
    ['in all', 'MAX_CONNECTIONS', LIVE],
    ['that have sent no request', 'MAX_NEW_CONNECTIONS', HALF],
  ])('%s are shared by addresses', async (_, setting, sent) => {
    await using at = await startTestGateway(redis.url, { [setting]: `${PLACES}` });
    using stack = new DisposableStack();
    const [first] = await open(stack, at, SHARE, sent);
    await expect
      .poll(() => ask(at.port, '127.0.0.1'))
      .toEqual({ status: 429, retryAfter: '1', code: 'quota_exceeded' });
    expect(await ask(at.port, '127.0.0.2')).toMatchObject({ status: 200 });
    first!.socket.destroy();
    await expect.poll(() => ask(at.port, '127.0.0.1'), { timeout: 10_000 }).toMatchObject({ status: 200 });
  });

  it('without a request are as many as they may, however many have sent one', async () => {
    await using at = await startTestGateway(redis.url, { MAX_NEW_CONNECTIONS: `${PLACES}` });
    using stack = new DisposableStack();
    for (let i = 0; i < 3 * PLACES; i++) await open(stack, at, 1, LIVE);
    // The next request on a connection is none of those.
    const [late] = await open(stack, at, 1, HALF);
    await late!.send('alhost\r\n\r\n');
    await late!.until('}');
    expect(await ask(at.port, '127.0.0.1')).toMatchObject({ status: 200 });
  });

  it('from proxies are limited in all, as the installation’s own limit', async () => {
    await using at = await startTestGateway(redis.url, { MAX_CONNECTIONS: `${PLACES}`, TRUST_PROXY: '1' });
    using stack = new DisposableStack();
    await open(stack, at, PLACES, LIVE);
    await expect.poll(() => ask(at.port, '127.0.0.1')).toEqual({ status: 503, retryAfter: '1', code: 'queue_full' });
    expect(await ask(at.port, '127.0.0.2')).toMatchObject({ status: 503 });
  });
});

async function queued(): Promise<string> {
  const response = await fetch(`${gateway.url}/face_detection`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': keyOf('flood'), prefer: 'respond-async' },
    body: JSON.stringify({ url: 'https://example.com/held' }),
  });
  return ((await response.json()) as { id: string }).id;
}
async function openBatch(): Promise<string> {
  const response = await fetch(`${gateway.url}/batches?open=true`, {
    method: 'POST',
    headers: { 'x-api-key': keyOf('flood') },
  });
  return ((await response.json()) as { id: string }).id;
}
