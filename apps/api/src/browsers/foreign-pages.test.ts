import { request } from 'node:http';
import { readConfig } from '@facequeue/schema/config';
import type { Request } from 'express';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRaw, parseRaw } from '../../../../test/support/clients/raw-http.ts';
import { apiKeys, keyOf, startTestGateway, type TestGateway } from '../../../../test/support/gateway/index.ts';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { gatewayVariables } from '../variables.ts';
import { CorsOrigins } from './cors.ts';
import { foreignRules, refuseForeign } from './refuse-foreign.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis?.stop());

type Headers = Record<string, string | string[]>;

/** A gateway without keys. */
const LOOPBACK: Record<string, string> = {};

/** Headers that every answer has, whoever wrote it. */
const SECURITY = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': expect.stringMatching(/default-src 'none'.*frame-ancestors 'none'/),
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

/** fetch lets its caller set neither Host nor Sec-Fetch-Site. */
function call(at: Pick<TestGateway, 'port'>, method: string, path: string, headers: Headers = {}) {
  return new Promise<{ status: number; headers: Record<string, string>; body: string }>((resolve, reject) => {
    const sent = request({
      host: '127.0.0.1',
      port: at.port,
      path,
      method,
      headers: { 'content-type': 'image/png', ...headers },
    });
    sent.on('error', reject);
    sent.on('response', async (response) => {
      const body = (await response.toArray()).join('');
      resolve({ status: response.statusCode!, headers: response.headers as Record<string, string>, body });
    });
    sent.end(method === 'POST' ? 'image' : undefined);
  });
}

const statusOf = async (...of: Parameters<typeof call>) => (await call(...of)).status;
/** An upload that is allowed is answered 202. */
const upload = (at: TestGateway, headers: Headers = {}) =>
  statusOf(at, 'POST', '/face_detection', { prefer: 'respond-async', ...headers });

describe('ALLOWED_HOSTS', () => {
  const modes: [name: string, env: Record<string, string>, headers: Headers][] = [
    ['with keys', { API_KEYS: apiKeys('shop'), HOST: '0.0.0.0' }, { 'x-api-key': keyOf('shop') }],
    ['with ALLOW_OPEN', { ALLOW_OPEN: 'true', HOST: '0.0.0.0' }, {}],
    ['on loopback without keys', {}, {}],
  ];

  it.each(modes)('%s: only its hosts are served, on any port', async (_, env, headers) => {
    await using gateway = await startTestGateway(redis.url, { ...env, ALLOWED_HOSTS: 'faces.example.org, 10.0.0.0/8' });
    for (const host of ['faces.example.org', 'faces.example.org:8443', '10.9.8.7:80'])
      expect(await upload(gateway, { ...headers, host }), host).toBe(202);
    for (const host of ['attacker.example', 'localhost', '127.0.0.1:8080', '']) {
      const refused = await call(gateway, 'POST', '/face_detection', { ...headers, host });
      expect(refused.status, host).toBe(403);
      expect(JSON.parse(refused.body)).toMatchObject({ code: 'forbidden', detail: 'Host is not one of ALLOWED_HOSTS' });
    }
    for (const path of ['/metrics', '/openapi.json', '/nowhere'])
      expect(await statusOf(gateway, 'GET', path, { ...headers, host: 'attacker.example' }), path).toBe(403);
  });

  it('does not concern /livez, /readyz and /ping, under BASE_PATH and outside', async () => {
    await using gateway = await startTestGateway(redis.url, { ALLOWED_HOSTS: 'faces.example.org', BASE_PATH: '/prod' });
    const host = '10.1.2.3:8080';
    for (const base of ['', '/prod']) {
      expect(await statusOf(gateway, 'GET', `${base}/livez`, { host })).toBe(200);
      // No worker runs.
      for (const path of ['/readyz', '/ping', '/ping?a=b'])
        expect(await statusOf(gateway, 'GET', base + path, { host })).toBe(503);
      for (const path of ['/metrics', '/livez/x', '/face_detection'])
        expect(await statusOf(gateway, 'GET', base + path, { host }), path).toBe(403);
    }
  });

  it('judges the host of a target that is a whole URL', async () => {
    await using gateway = await startTestGateway(redis.url, { ALLOWED_HOSTS: 'faces.example.org' });
    const ask = async (target: string, host: string) => {
      using raw = await openRaw(gateway.port);
      await raw.send(`GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      return parseRaw(await raw.rest()).status;
    };
    expect(await ask('http://faces.example.org/system', 'faces.example.org')).toBe(200);
    expect(await ask('http://attacker.example/system', 'faces.example.org')).toBe(403);
    expect(await ask('http://faces.example.org/system', 'attacker.example')).toBe(403);
  });

  it('without keys lets pages of its hosts call, and no others', async () => {
    for (const env of [LOOPBACK, { ALLOW_OPEN: 'true' }]) {
      await using gateway = await startTestGateway(redis.url, { ...env, ALLOWED_HOSTS: 'faces.example.org' });
      const host = 'faces.example.org';
      expect(await upload(gateway, { host, origin: 'https://faces.example.org' })).toBe(202);
      for (const origin of ['https://attacker.example', 'http://localhost:3000', 'null'])
        expect(await upload(gateway, { host, origin }), origin).toBe(403);
    }
  });

  it('is read with its entries or refused', () => {
    const read = (ALLOWED_HOSTS: string) => readConfig(gatewayVariables, { ALLOWED_HOSTS }).ALLOWED_HOSTS;
    expect(read('')).toBeNull();
    expect(read('localhost, gateway')?.has('gateway')).toBe(true);
    expect(() => read('localhost:8080')).toThrow(
      /ALLOWED_HOSTS is "localhost:8080"; expected host names .* without a port/,
    );
  });

  it('unset, ALLOW_OPEN is warned about', async () => {
    const warned = async (env: Record<string, string>) => {
      await using gateway = await startTestGateway(redis.url, env);
      return gateway.lines.filter(({ level, msg }) => level === 'warn' && /ALLOWED_HOSTS/.test(String(msg))).length;
    };
    expect(await warned({ ALLOW_OPEN: 'true' })).toBe(1);
    expect(await warned({ ALLOW_OPEN: 'true', ALLOWED_HOSTS: 'localhost' })).toBe(0);
    expect(await warned({ ALLOW_OPEN: 'true', API_KEYS: apiKeys('shop') })).toBe(0);
    expect(await warned({})).toBe(0);
  });
});

describe('CORS_ORIGINS', () => {
  const shop = 'https://shop.example.org';
  const asks = (origin: string, headers = 'content-type,x-api-key') => ({
    origin,
    'access-control-request-method': 'POST',
    'access-control-request-headers': headers,
  });
  /** What concerns other origins in an answer. */
  const cors = ({ headers }: Awaited<ReturnType<typeof call>>) =>
    Object.fromEntries(
      Object.entries(headers).filter(([name]) => name.startsWith('access-control-') || name === 'vary'),
    );

  it('lets its pages call with a key and read every answer', async () => {
    const API_KEYS = apiKeys('shop');
    await using gateway = await startTestGateway(redis.url, { API_KEYS, CORS_ORIGINS: `${shop}, https://b.example` });
    const preflight = await call(gateway, 'OPTIONS', '/face_detection', asks(shop));
    expect(preflight.status).toBe(204);
    expect(cors(preflight)).toEqual({
      'access-control-allow-origin': shop,
      'access-control-allow-methods': 'POST, OPTIONS',
      'access-control-allow-headers': expect.stringMatching(/content-type.*x-api-key.*authorization.*idempotency-key/i),
      'access-control-max-age': '600',
      'access-control-expose-headers': expect.any(String),
      vary: 'Origin',
    });
    const readable = {
      vary: 'Origin',
      'access-control-allow-origin': 'https://b.example',
      'access-control-expose-headers': expect.any(String),
    };
    const key = { 'x-api-key': keyOf('shop') };
    for (const [method, path, headers, status] of [
      ['POST', '/face_detection', { ...key, prefer: 'respond-async' }, 202],
      ['POST', '/face_detection', {}, 401],
      ['GET', '/nowhere', {}, 404],
      ['GET', '/livez', {}, 200],
    ] as const) {
      const answer = await call(gateway, method, path, { ...headers, origin: 'https://b.example' });
      expect([answer.status, cors(answer)]).toEqual([
        status,
        status === 202 ? { ...readable, vary: 'Origin, Prefer' } : readable,
      ]);
    }
  });

  it.each([
    ['of no origin that is listed', { CORS_ORIGINS: shop }, { vary: 'Origin' }],
    ['when it is not set', {}, {}],
  ])('lets no page read %s', async (_, env, expected) => {
    await using gateway = await startTestGateway(redis.url, { ...env, API_KEYS: apiKeys('shop') });
    for (const origin of [
      'https://attacker.example',
      'http://shop.example.org',
      `${shop}:8443`,
      `${shop}.evil`,
      'null',
    ]) {
      const preflight = await call(gateway, 'OPTIONS', '/face_detection', asks(origin));
      expect([preflight.status, cors(preflight)], origin).toEqual([204, expected]);
      expect(cors(await call(gateway, 'GET', '/livez', { origin })), origin).toEqual(expected);
    }
    expect(cors(await call(gateway, 'GET', '/livez'))).toEqual(expected);
  });

  it('opens a gateway without keys to its pages alone', async () => {
    for (const env of [LOOPBACK, { ALLOW_OPEN: 'true' }, { COMPAT: 'aws' }]) {
      await using gateway = await startTestGateway(redis.url, { ...env, CORS_ORIGINS: shop });
      const from = (origin: string) => ({ origin, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'cors' });
      expect(await statusOf(gateway, 'OPTIONS', '/face_detection', { ...asks(shop), ...from(shop) })).toBe(204);
      expect(await upload(gateway, from(shop))).toBe(202);
      expect(await upload(gateway, from('https://attacker.example'))).toBe(403);
      const preflight = await call(gateway, 'OPTIONS', '/face_detection', {
        ...asks('x'),
        ...from('https://attacker.example'),
      });
      expect([preflight.status, cors(preflight)]).toEqual([403, { vary: 'Origin' }]);
    }
  });

  it('of * lets every page call', async () => {
    await using gateway = await startTestGateway(redis.url, { CORS_ORIGINS: '*' });
    const origin = 'https://anybody.example';
    const preflight = await call(gateway, 'OPTIONS', '/jobs/x', { ...asks(origin), 'sec-fetch-site': 'cross-site' });
    expect(preflight.status).toBe(204);
    expect(cors(preflight)).toMatchObject({
      'access-control-allow-origin': '*',
      'access-control-allow-methods': 'GET, HEAD, DELETE, OPTIONS',
    });
    expect(cors(preflight)).not.toHaveProperty('vary');
    expect(await upload(gateway, { origin, 'sec-fetch-site': 'cross-site' })).toBe(202);
  });

  it('under COMPAT=aws is * unless it is set, and allows the headers of the reference', async () => {
    for (const [env, allowed] of [
      [{}, '*'],
      [{ CORS_ORIGINS: shop }, shop],
    ] as const) {
      await using gateway = await startTestGateway(redis.url, { ...env, COMPAT: 'aws', ALLOW_OPEN: 'true' });
      const headers = { ...asks(shop, 'x-amz-date'), 'sec-fetch-site': 'cross-site' };
      const preflight = await call(gateway, 'OPTIONS', '/face_detection', headers);
      expect([preflight.status, preflight.headers['access-control-allow-origin']]).toEqual([204, allowed]);
      expect(preflight.headers['access-control-allow-headers']).toMatch(/x-amz-date, x-amz-security-token/i);
      expect(await upload(gateway, { origin: shop, 'sec-fetch-site': 'cross-site' })).toBe(202);
      expect(await upload(gateway, { origin: 'https://b.example', 'sec-fetch-site': 'cross-site' })).toBe(
        allowed === '*' ? 202 : 403,
      );
    }
  });

  it('is not what COMPAT=aws opens on a loopback address without keys', async () => {
    await using gateway = await startTestGateway(redis.url, { COMPAT: 'aws' });
    expect(await upload(gateway, { origin: shop, 'sec-fetch-site': 'cross-site' })).toBe(403);
    expect(await upload(gateway, { origin: 'http://localhost:3000', 'sec-fetch-site': 'cross-site' })).toBe(202);
  });

  it('lets pages read every header that the OpenAPI document names but Vary', async () => {
    await using gateway = await startTestGateway(redis.url, { CORS_ORIGINS: '*' });
    const { headers, body } = await call(gateway, 'GET', '/openapi.json');
    const named = Object.keys(JSON.parse(body).components.headers).filter((name) => name !== 'Vary');
    expect(named.length).toBeGreaterThan(5);
    const exposed = headers['access-control-expose-headers']!.split(', ');
    expect(named.filter((name) => !exposed.includes(name))).toEqual([]);
  });

  it('is read with its entries or refused', () => {
    const read = (CORS_ORIGINS: string) => readConfig(gatewayVariables, { CORS_ORIGINS }).CORS_ORIGINS;
    expect(read('')).toEqual([]);
    expect(() => read('shop.example.org')).toThrow(
      /CORS_ORIGINS is "shop.example.org"; expected origins such as https:/,
    );
  });
});

describe('a request with two Host headers', () => {
  it.each([
    ['with keys', { API_KEYS: apiKeys('shop') }],
    ['without', {}],
  ])('is 400 %s, whatever they say', async (_, env) => {
    await using gateway = await startTestGateway(redis.url, env);
    for (const [one, two] of [
      ['localhost', 'attacker.example'],
      ['localhost', 'localhost'],
    ]) {
      using raw = await openRaw(gateway.port);
      await raw.send(`GET /livez HTTP/1.1\r\nHost: ${one}\r\nX-A: b\r\nhOST: ${two}\r\nConnection: close\r\n\r\n`);
      const answer = parseRaw(await raw.rest());
      expect(answer.status).toBe(400);
      expect(JSON.parse(answer.body)).toMatchObject({
        code: 'invalid_request',
        detail: 'the request has more than one Host header',
      });
    }
  });
});

describe('a call from a page of another site (Sec-Fetch-Site)', () => {
  const embedded = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors', 'sec-fetch-dest': 'image' };
  const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };

  it('is refused without keys, though it names no Origin', async () => {
    for (const env of [LOOPBACK, { ALLOW_OPEN: 'true' }, { ALLOW_OPEN: 'true', COMPAT: 'aws' }]) {
      await using gateway = await startTestGateway(redis.url, env);
      for (const [method, path, headers] of [
        ['GET', '/system', embedded],
        ['GET', '/livez', embedded],
        ['POST', '/face_detection', link],
        ['GET', '/system', link],
        ['GET', '/', embedded],
        ['POST', '/', link],
      ] as const)
        expect(await statusOf(gateway, method, path, headers), `${method} ${path}`).toBe(403);
    }
  });

  it('may open /, /docs and /guide by a link', async () => {
    for (const BASE_PATH of ['', '/prod']) {
      await using gateway = await startTestGateway(redis.url, { BASE_PATH });
      for (const path of ['/', '/docs', '/docs/', '/guide', '/guide?a=b'])
        expect(await statusOf(gateway, 'GET', BASE_PATH + path, link), path).not.toBe(403);
      expect(await statusOf(gateway, 'GET', `${BASE_PATH}/docs/x`, link)).toBe(403);
    }
  });

  it('is served with keys, and from the same site without', async () => {
    await using keyed = await startTestGateway(redis.url, { API_KEYS: apiKeys('shop') });
    expect(await upload(keyed, { ...embedded, 'x-api-key': keyOf('shop') })).toBe(202);
    await using open = await startTestGateway(redis.url);
    for (const site of ['same-origin', 'same-site', 'none'])
      expect(await upload(open, { 'sec-fetch-site': site }), site).toBe(202);
    // localhost and 127.0.0.1 are two sites to a browser.
    expect(await upload(open, { ...embedded, origin: 'http://localhost:3000' })).toBe(202);
  });
});

describe('security headers', () => {
  it('are in every answer', async () => {
    await using gateway = await startTestGateway(redis.url, { API_KEYS: apiKeys('shop'), ALLOWED_HOSTS: '127.0.0.1' });
    const key = { 'x-api-key': keyOf('shop') };
    const answers = [
      [200, await call(gateway, 'GET', '/livez')],
      [200, await call(gateway, 'GET', '/openapi.json')],
      [200, await call(gateway, 'GET', '/metrics', key)],
      [202, await call(gateway, 'POST', '/face_detection', { ...key, prefer: 'respond-async' })],
      [204, await call(gateway, 'OPTIONS', '/face_detection')],
      [401, await call(gateway, 'GET', '/system')],
      [403, await call(gateway, 'GET', '/system', { host: 'attacker.example' })],
      [404, await call(gateway, 'GET', '/nowhere')],
      [405, await call(gateway, 'GET', '/face_detection')],
    ] as const;
    for (const [status, answer] of answers) {
      expect(answer.status).toBe(status);
      expect(answer.headers, String(status)).toMatchObject(SECURITY);
    }
  });

  it.each([
    [400, 'hello\r\n\r\n'],
    [405, 'CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n'],
    [431, `GET /${'x'.repeat(17_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`],
  ])('are in a %i that is written without a request', async (status, bytes) => {
    await using gateway = await startTestGateway(redis.url);
    using raw = await openRaw(gateway.port);
    await raw.send(bytes);
    const answer = parseRaw(await raw.rest());
    expect(answer.status).toBe(status);
    const lines = answer.headers
      .split('\r\n')
      .slice(1)
      .map((line) => line.split(': ') as [string, string]);
    expect(Object.fromEntries(lines.map(([name, value]) => [name.toLowerCase(), value]))).toMatchObject(SECURITY);
  });
});

describe('a gateway on loopback without keys or ALLOWED_HOSTS', () => {
  const rules = foreignRules(readConfig(gatewayVariables, {}), new CorsOrigins([]));

  const stub = (headers: Record<string, string>) =>
    ({
      method: 'POST',
      url: '/face_detection',
      path: '/face_detection',
      headers,
      rawHeaders: Object.entries(headers).flat(),
    }) as unknown as Request;

  it.each<[Record<string, string>, boolean]>([
    [{ host: '127.0.0.1:8080' }, true],
    [{ host: 'localhost' }, true],
    [{ host: 'LOCALHOST:8080' }, true],
    [{ host: 'photos.localhost:8080' }, true],
    [{ host: '[::1]:8080' }, true],
    [{ host: 'localhost:8080', origin: 'http://localhost:3000' }, true],
    [{}, true],
    [{ host: 'attacker.example' }, false],
    [{ host: 'localhost.attacker.example' }, false],
    [{ host: '127.0.0.1.attacker.example' }, false],
    [{ host: '192.168.1.2:8080' }, false],
    [{ host: 'localhost@attacker.example' }, false],
    [{ host: '' }, false],
    [{ host: 'localhost', origin: 'https://attacker.example' }, false],
    [{ host: 'localhost', origin: 'null' }, false],
    [{ host: 'localhost', origin: 'http://localhost.attacker.example' }, false],
  ])('takes %o: %s', (headers, taken) => {
    const check = () => refuseForeign(stub(headers), rules);
    if (taken) expect(check).not.toThrow();
    else expect(check).toThrow(expect.objectContaining({ code: 'forbidden' }));
  });
});
