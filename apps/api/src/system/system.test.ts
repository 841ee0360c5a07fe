import { Liveness, Readiness, SystemResource } from '@facequeue/schema';
import { openApiDocument } from '@facequeue/schema/openapi';
import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  startCannedWorker,
  startTestGateway,
  startWebhookWorker,
  type TestGateway,
} from '../../../../test/support/gateway/index.ts';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { allRoutes } from '../router.ts';
import type { Services } from '../services.ts';

let redis: TestRedis;
let gateway: TestGateway;

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url);
});

afterAll(async () => {
  await gateway?.close();
  await redis?.stop();
});

const get = (path: string, at = gateway) => fetch(at.url + path);

describe('probes', () => {
  it('report that the process lives, without asking Redis', async () => {
    await using own = await startRedis();
    await using at = await startTestGateway(own.url);
    await own.pause();
    const response = await get('/livez', at);
    expect(Liveness.strict().parse(await response.json())).toEqual({ status: 'ok' });
    await own.resume();
  });

  it.each(['/readyz', '/ping'])('%s reports whether calls can be served, and if not, why', async (path) => {
    await using own = await startRedis();
    await using at = await startTestGateway(own.url);
    const alone = await get(path, at);
    expect(alone.status).toBe(503);
    expect(alone.headers.get('retry-after')).toBe('5');
    expect(await alone.json()).toMatchObject({ code: 'unavailable', detail: expect.stringMatching(/no worker.*15 s/) });

    const worker = await startCannedWorker(at);
    await expect.poll(async () => (await get(path, at)).status).toBe(200);
    expect(Readiness.strict().parse(await (await get(path, at)).json())).toEqual({ status: 'ready', workers: 1 });

    await own.pause();
    const began = performance.now();
    const frozen = await get(path, at);
    expect(performance.now() - began).toBeLessThan(10_000);
    await own.resume();
    expect(frozen.status).toBe(503);
    expect(await frozen.json()).toMatchObject({ code: 'unavailable', detail: expect.stringMatching(/^Redis|queue/) });

    await worker.close();
    await expect.poll(async () => (await get(path, at)).status).toBe(503);
  });
});

it.each(['/readyz', '/metrics'])('%s waits 2 s for figures that Redis does not send', async (path) => {
  await using at = await startTestGateway(redis.url);
  const stuck = vi.spyOn(at.queue, 'snapshot').mockReturnValue(new Promise(() => {}));
  const began = performance.now();
  const answer = await get(path, at);
  const took = performance.now() - began;
  stuck.mockRestore();
  expect(took).toBeGreaterThan(1990);
  expect(took).toBeLessThan(10_000);
  expect(await answer.text()).toMatch(path === '/readyz' ? /Redis does not answer/ : /^facequeue_redis_up 0$/m);
});

describe('the log of probes', () => {
  const routes = (at: TestGateway) => at.lines.map(({ route }) => route);

  it('has their requests at debug, and none at info', async () => {
    await using quiet = await startTestGateway(redis.url);
    await using verbose = await startTestGateway(redis.url, { LOG_LEVEL: 'debug' });
    const paths = ['/livez', '/readyz', '/ping'];
    for (const at of [quiet, verbose]) for (const path of [...paths, '/system']) await get(path, at);
    await expect.poll(() => routes(verbose)).toEqual([...paths, '/system']);
    await expect.poll(() => routes(quiet)).toEqual(['/system']);
  });
});

describe('the pages for people', () => {
  it.each(['/system', '/openapi.json'])('%s is indented JSON', async (path) => {
    const response = await get(path);
    expect(response.headers.get('content-type')).toMatch('application/json');
    expect(await response.text()).toMatch(/^\{\n {2}"/);
  });
});

describe('GET /system', () => {
  it('shows version, device, models, workers and queues as documented', async () => {
    await using at = await startTestGateway(redis.url);
    expect(SystemResource.parse(await (await get('/system', at)).json())).toMatchObject({ device: null, workers: [] });
    await using _ = await startCannedWorker(at);
    await using _other = await startCannedWorker(at);
    const system = async () => SystemResource.strict().parse(await (await get('/system', at)).json());
    await expect.poll(async () => (await system()).workers.length).toBe(2);
    expect(await system()).toMatchObject({
      version: '0.1.0',
      device: 'cpu',
      models: [{ name: 'canned', version: '1.0.0' }],
      workers: [{ engines: 1, busy: 0, load: 0, queues: ['interactive', 'bulk', 'cameras'] }, {}],
      queues: { interactive: { waiting: 0, full: null }, bulk: { waiting: 0, full: null } },
      cameras: 0,
    });
  });
});

describe('a worker that only delivers webhooks', () => {
  it('is shown by /system, and does not make the installation ready', async () => {
    await using at = await startTestGateway(redis.url);
    await using _ = await startWebhookWorker(at);
    // The snapshot may be 250 ms old.
    await expect
      .poll(async () => SystemResource.strict().parse(await (await get('/system', at)).json()))
      .toMatchObject({
        device: null,
        models: [],
        workers: [{ queues: ['webhooks'], device: null, models: null, engines: 0 }],
      });
    expect((await get('/readyz', at)).status).toBe(503);
    await using _looking = await startCannedWorker(at);
    await expect.poll(async () => (await get('/readyz', at)).status).toBe(200);
    expect(await (await get('/readyz', at)).json()).toMatchObject({ workers: 1 });
  });
});

describe('the OpenAPI document', () => {
  it('is valid OpenAPI 3.1', async () => {
    const document = (await (await get('/openapi.json')).json()) as { openapi: string };
    expect(document.openapi).toMatch(/^3\.1\./);
    expect(await new Validator().validate(document)).toMatchObject({ valid: true });
  });

  it('has every path and method that is served, and no other', () => {
    const { paths = {} } = openApiDocument();
    const documented = Object.entries(paths).flatMap(([path, item]) =>
      Object.keys(item).map((method) => `${method} ${path}`),
    );
    const routes = allRoutes({ config: {} } as Services);
    expect(documented.sort()).toEqual(routes.map(({ method, path }) => `${method} ${path}`).sort());
  });

  it('names the paths that need no key', () => {
    const { paths = {} } = openApiDocument();
    for (const { method, path, scope } of allRoutes({ config: {} } as Services))
      expect(paths[path]![method]!.security, path).toEqual(scope === null ? [] : undefined);
  });

  it('names the query options that are accepted', async () => {
    const { paths } = (await (await get('/openapi.json')).json()) as ReturnType<typeof openApiDocument>;
    const parameters = paths!['/face_detection']!.post!.parameters as { name: string; in: string }[];
    for (const { name } of parameters.filter((parameter) => parameter.in === 'query')) {
      const response = await fetch(`${gateway.url}/face_detection?${name}=%00`, { method: 'POST' });
      // A known option with an invalid value.
      expect(await response.json()).toMatchObject({
        detail: expect.stringMatching(new RegExp(`^option ${name}: expected`)),
      });
    }
  });
});

describe('the answers for jobs and cameras', () => {
  it('carry the headers the document promises, at every status', async () => {
    await using at = await startTestGateway(redis.url, { SYNC_WAIT: '100ms' });
    const { paths, components } = openApiDocument();
    type Documented = { responses: Record<string, { headers: Record<string, { required?: boolean; $ref?: string }> }> };
    const check = async (method: string, path: string, headers: Record<string, string> = {}) => {
      const body = method === 'post' && /^\/face_detection$|\/frames$/.test(path) ? 'image' : undefined;
      const response = await fetch(at.url + path, {
        method,
        headers: { ...headers, ...(body && { 'content-type': 'image/png' }) },
        ...(body && { body }),
      });
      const id = response.headers.get('x-job-id');
      const template = path
        .replace(/\?.*/, '')
        .replace(/^\/jobs\/[^/]+/, '/jobs/{id}')
        .replace(/^\/cameras\/[^/]+/, '/cameras/{camera}');
      const documented = (paths![template] as Record<string, Documented>)[method]!.responses[response.status]!;
      for (const [name, { $ref, ...own }] of Object.entries(documented.headers)) {
        const { required } = $ref ? (components!.headers![$ref.split('/').at(-1)!] as { required?: boolean }) : own;
        if (required) expect(response.headers.get(name), `${method} ${path} ${response.status} ${name}`).not.toBeNull();
      }
      await response.body?.cancel();
      return { status: response.status, id };
    };
    const { id } = await check('post', '/face_detection', { prefer: 'respond-async' });
    const statuses = [
      await check('post', '/face_detection'),
      await check('post', '/face_detection?colour=red'),
      await check('get', `/jobs/${id}`),
      await check('get', `/jobs/${id}/events`),
      await check('post', `/jobs/${id}/cancel`),
      await check('get', `/jobs/${id}/events`, { 'last-event-id': '0-canceled' }),
      await check('delete', `/jobs/${id}`),
      await check('get', `/jobs/${id}`),
    ];
    expect(statuses.map(({ status }) => status)).toEqual([504, 400, 200, 200, 200, 204, 204, 410]);
    const ofCameras = [
      await check('get', '/cameras/gate-1'),
      await check('post', '/cameras/gate-1/frames'),
      await check('post', '/cameras/gate-1/frames?keep=none'),
      await check('get', '/cameras'),
      await check('get', '/cameras/gate-1'),
      await check('get', '/cameras/gate-1/events'),
    ];
    expect(ofCameras.map(({ status }) => status)).toEqual([404, 202, 400, 200, 200, 200]);
  });

  it('name the parameters that are accepted', () => {
    const { paths } = openApiDocument();
    const names = (method: 'get' | 'post' | 'delete', path: string) =>
      (paths![path]![method]!.parameters as { name: string; in: string }[]).map((one) => `${one.in} ${one.name}`);
    const request = 'header X-Request-Id';
    expect(names('post', '/face_detection')).toEqual(
      expect.arrayContaining([request, 'header Prefer', 'header Idempotency-Key', 'query webhook_url']),
    );
    expect(names('get', '/jobs/{id}').sort()).toEqual([request, 'path id', 'query wait']);
    expect(names('get', '/jobs/{id}/events').sort()).toEqual(['header Last-Event-ID', request, 'path id']);
    expect(names('post', '/jobs/{id}/cancel').sort()).toEqual([request, 'path id']);
    expect(names('delete', '/jobs/{id}').sort()).toEqual([request, 'path id']);
    expect(names('post', '/cameras/{camera}/frames')).toEqual(
      expect.arrayContaining(['path camera', 'header X-Frame-Time', 'query keep', 'query max_age', 'query profile']),
    );
    expect(names('get', '/cameras/{camera}/events').sort()).toEqual(
      ['header Last-Event-ID', request, 'path camera', 'query after'].sort(),
    );
    expect(names('get', '/batches/{id}/results').sort()).toEqual(
      [request, 'path id', 'query after', 'query follow', 'query limit'].sort(),
    );
    expect(names('post', '/batches')).toEqual(
      expect.arrayContaining(['query open', 'query profile', 'query webhook_url', 'query output', 'query overwrite']),
    );
  });
});

describe('any path', () => {
  it('answers 404 if unknown, and 405 with the allowed methods for another method', async () => {
    for (const path of ['/', '/nowhere', '/jobs', '/jobs/', '/Livez', '/face_detection/x', '//livez']) {
      const response = await fetch(gateway.url + path);
      expect(response.status, path).toBe(404);
      expect(await response.json()).toMatchObject({ code: 'not_found' });
    }
    for (const [method, path, allow] of [
      ['GET', '/face_detection', 'POST, OPTIONS'],
      ['DELETE', '/invocations', 'POST, OPTIONS'],
      ['POST', '/jobs/x', 'GET, HEAD, DELETE, OPTIONS'],
      ['GET', '/jobs/x/cancel', 'POST, OPTIONS'],
      ['DELETE', '/jobs/x/events', 'GET, HEAD, OPTIONS'],
      ['POST', '/livez', 'GET, HEAD, OPTIONS'],
      ['PATCH', '/openapi.json', 'GET, HEAD, OPTIONS'],
    ] as const) {
      const response = await fetch(gateway.url + path, { method });
      expect(response.status).toBe(405);
      expect(response.headers.get('allow')).toBe(allow);
      expect(await response.json()).toMatchObject({ code: 'method_not_allowed' });
      const options = await fetch(gateway.url + path, { method: 'OPTIONS' });
      expect([options.status, options.headers.get('allow')]).toEqual([204, allow]);
    }
  });

  it('answers HEAD as GET, without a body', async () => {
    const head = await fetch(`${gateway.url}/livez`, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    const missing = await fetch(`${gateway.url}/nowhere`, { method: 'HEAD' });
    expect([missing.status, await missing.text()]).toEqual([404, '']);
  });
});
