import { createHash } from 'node:crypto';
import { request } from 'node:http';
import type { Problem } from '@facequeue/schema';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type CannedWorker,
  startCannedWorker,
  startTestGateway,
  type TestGateway,
} from '../../../../test/support/gateway/index.ts';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis?.stop());

type Headers = Record<string, string>;
const NO_HEADERS: Headers = {};

/** fetch does not let its caller set Host. */
function call(at: TestGateway, method: string, path: string, headers: Headers) {
  return new Promise<{ status: number; headers: Record<string, unknown>; body: Problem }>((resolve, reject) => {
    const sent = request(`${at.url}${path}`, { method, headers: { 'content-type': 'image/png', ...headers } });
    sent.on('error', reject);
    sent.on('response', async (response) => {
      const text = (await response.toArray()).join('');
      resolve({ status: response.statusCode!, headers: response.headers, body: text ? JSON.parse(text) : null });
    });
    sent.end(method === 'POST' ? 'image' : undefined);
  });
}

describe('with API keys', () => {
  const key = (name: string) => `${name}:${createHash('sha256').update(`key of ${name}`).digest('hex')}`;
  let gateway: TestGateway;
  let worker: CannedWorker;
  beforeAll(async () => {
    // With keys no Host is foreign, and listening beyond loopback needs no ALLOW_OPEN.
    gateway = await startTestGateway(redis.url, { API_KEYS: `${key('shop')}, ${key('archive')}`, HOST: '0.0.0.0' });
    worker = await startCannedWorker(gateway);
  });
  afterAll(async () => {
    await worker?.close();
    await gateway?.close();
  });
  const shop = { 'x-api-key': 'key of shop' };
  const archive = { authorization: 'Bearer key of archive' };

  it('a call is served with a key and refused without one, its body unread', async () => {
    expect(await call(gateway, 'POST', '/face_detection', shop)).toMatchObject({ status: 200 });
    for (const wrong of [NO_HEADERS, { 'x-api-key': 'key of nobody' }, { authorization: 'Basic a2V5' }]) {
      const refused = await call(gateway, 'POST', '/face_detection', { ...wrong, expect: '100-continue' });
      expect(refused).toMatchObject({ status: 401, body: { code: 'unauthorized' } });
      expect(refused.headers['www-authenticate']).toBe('Bearer');
    }
  });

  it('a bearer token has no spaces', async () => {
    expect((await call(gateway, 'POST', '/face_detection', archive)).status).toBe(401);
  });

  it('metrics and /system need a key too, probes and the OpenAPI document do not', async () => {
    for (const path of ['/system', '/jobs/01930000-0000-7000-8000-000000000000'])
      expect((await call(gateway, 'GET', path, {})).status).toBe(401);
    for (const path of ['/livez', '/readyz', '/ping', '/openapi.json'])
      expect((await call(gateway, 'GET', path, {})).status).toBe(200);
    expect((await call(gateway, 'GET', '/system', shop)).status).toBe(200);
  });

  it('a job is shown to its own key; for another key it is gone', async () => {
    const { headers } = await call(gateway, 'POST', '/face_detection', shop);
    const path = String(headers['location']);
    expect((await call(gateway, 'GET', path, shop)).status).toBe(200);
    expect(await call(gateway, 'GET', path, { 'x-api-key': 'key of archive' })).toMatchObject({
      status: 410,
      body: { code: 'gone' },
    });
  });

  it('the log contains the name of the key, not the key', async () => {
    await expect
      .poll(() => gateway.lines)
      .toContainEqual(expect.objectContaining({ route: '/face_detection', status: 200, key: 'shop' }));
    expect(JSON.stringify(gateway.lines)).not.toContain('key of');
  });

  it('any Host and Origin may call', async () => {
    const foreign = { ...shop, host: 'faces.example.org', origin: 'https://example.org' };
    expect((await call(gateway, 'POST', '/face_detection', foreign)).status).toBe(200);
  });
});

describe('without API keys', () => {
  it('on loopback, foreign web pages are refused on every path', async () => {
    await using gateway = await startTestGateway(redis.url);
    const foreign: Headers[] = [
      { host: 'attacker.example' },
      { origin: 'https://attacker.example' },
      { origin: 'null' },
    ];
    for (const headers of foreign) {
      for (const path of ['/face_detection', '/livez', '/nowhere'])
        expect(await call(gateway, 'POST', path, headers)).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    }
    expect((await call(gateway, 'GET', '/livez', { origin: 'http://localhost:3000' })).status).toBe(200);
  });

  it('beyond loopback it does not start without ALLOW_OPEN', async () => {
    await expect(startTestGateway(redis.url, { HOST: '0.0.0.0' })).rejects.toThrow(
      /HOST is "0.0.0.0".*ALLOW_OPEN=true/,
    );
    await using gateway = await startTestGateway(redis.url, { HOST: '0.0.0.0', ALLOW_OPEN: 'true' });
    expect((await call(gateway, 'GET', '/livez', { host: 'faces.example.org' })).status).toBe(200);
  });
});
