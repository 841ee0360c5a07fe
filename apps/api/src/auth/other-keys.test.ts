/** Every route with the caller's own key, another key, no key and a wrong one. */
import type { BatchResource, CameraResource, JobResource } from '@facequeue/schema';
import { openApiDocument } from '@facequeue/schema/openapi';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRaw, parseRaw } from '../../../../test/support/clients/raw-http.ts';
import {
  apiKeys,
  keyOf,
  startCannedWorker,
  startTestGateway,
  type TestGateway,
} from '../../../../test/support/gateway/index.ts';
import { stored } from '../../../../test/support/redis/stored.ts';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { readEvents } from '../streaming/testing/sse-reader.ts';
import { callRoute, ITEMS, LATER, nobodys, ROUTES, routes, type Things, targets } from './testing/every-route.ts';

let redis: TestRedis;
let gateway: TestGateway;

beforeAll(async () => {
  redis = await startRedis();
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
  gateway = await startTestGateway(redis.url, {
    API_KEYS: apiKeys('anna', 'ben'),
    WEBHOOK_SECRETS: `anna=${secret},ben=${secret}`,
  });
});
afterAll(async () => {
  await gateway?.close();
  await redis?.stop();
});

const of = (owner: string) => ({ 'x-api-key': keyOf(owner) });
/** Keys that change or expire by themselves: how often API keys were used, and BullMQ's mark of its last check for stalled jobs. */
const PASSING = /^:use(-report)?:|:stalled-check$/;
/** What Redis stores, but for such keys, for the memory that Redis itself takes, and for when the sweep looks at a job next: it does
 * every five seconds. */
async function now() {
  const all = await stored(gateway.redisUrl, gateway.prefix);
  const due = (JSON.parse(all[':due'] ?? '[]') as string[]).filter((_, i) => i % 2 === 0);
  const kept = Object.entries(all).filter(([key]) => !PASSING.test(key));
  return {
    ...Object.fromEntries(kept),
    ':stats': all[':stats']?.replaceAll(/\["memory\w+","\d+"\],/g, ''),
    ':due': due.sort(),
  };
}

const call = (route: string, target: { id?: string; camera?: string }, headers: Record<string, string>, query = '') =>
  callRoute(gateway, route, target, headers, query);

const later = (owner: string, path: string, headers: Record<string, string> = {}, body = 'image') =>
  fetch(gateway.url + path, {
    method: 'POST',
    headers: { 'content-type': 'image/png', ...LATER, ...of(owner), ...headers },
    body,
  });
const jobOf = async (response: Promise<Response>) => ((await (await response).json()) as JobResource).id;
const read = async <T>(owner: string, path: string) =>
  (await (await fetch(gateway.url + path, { headers: of(owner) })).json()) as T;

/** A job, a frame's job and one with a webhook; a batch and a camera. */
async function thingsOf(owner: string, camera: string, open: boolean): Promise<Things> {
  const jobs = [
    await jobOf(later(owner, '/face_detection')),
    await jobOf(later(owner, '/face_detection?priority=bulk&webhook_url=https://hooks.example.org/')),
    await jobOf(later(owner, `/cameras/${camera}/frames?keep=all`)),
  ];
  const batch = await fetch(`${gateway.url}/batches?open=${open}`, {
    method: 'POST',
    headers: { 'content-type': ITEMS.type, ...of(owner) },
    body: ITEMS.body,
  });
  return { jobs, batch: ((await batch.json()) as BatchResource).id, camera };
}

/** Lets a worker end everything that waits. */
async function endAll(things: Things): Promise<void> {
  await using _ = await startCannedWorker(gateway);
  for (const id of things.jobs) await read('anna', `/jobs/${id}?wait=20`);
  await fetch(`${gateway.url}/batches/${things.batch}/results?follow=true`, { headers: of('anna') }).then((all) =>
    all.text(),
  );
}

it('the table has every route that is documented, and no other', () => {
  const { paths = {} } = openApiDocument();
  const documented = Object.entries(paths).flatMap(([path, item]) =>
    Object.keys(item).map((method) => `${method} ${path}`),
  );
  expect(Object.keys(ROUTES).sort()).toEqual(documented.sort());
});

it('a route that is not open refuses callers without a key or with a wrong one, and nothing changes', async () => {
  const anna = await thingsOf('anna', 'gate-1', true);
  const before = await now();
  for (const [route, { query }] of routes('shared', 'own', 'id')) {
    for (const headers of [{}, { 'x-api-key': 'key of nobody' }, { authorization: 'Bearer nobody' }]) {
      for (const target of [...targets(route, anna), ...targets(route, nobodys('gate-x'))]) {
        const answer = await call(route, target, headers as Record<string, string>, query);
        expect([route, answer.status, JSON.parse(answer.text).code]).toEqual([route, 401, 'unauthorized']);
        expect(answer.headers['www-authenticate']).toBe('Bearer');
      }
    }
  }
  expect(await now()).toEqual(before);
});

describe.each<['live' | 'ended', boolean]>([
  ['live', true],
  ['ended', false],
])('what belongs to one key and is %s', (state, open) => {
  it('is for another key as if it had never existed, and stays as it is', async () => {
    const anna = await thingsOf('anna', 'gate-1', open);
    if (state === 'ended') await endAll(anna);
    const before = await now();
    for (const [route] of routes('id')) {
      const [theirs, missing] = [targets(route, anna), targets(route, nobodys('gate-x'))];
      for (const [i, target] of theirs.entries()) {
        const none = await call(route, missing[i]!, of('ben'));
        const other = await call(route, target, of('ben'));
        expect([none.status, JSON.parse(none.text).code], route).toEqual(
          route.includes('{camera}') ? [404, 'not_found'] : [410, 'gone'],
        );
        const text = other.text.replaceAll(target.id ?? ' ', missing[i]!.id ?? ' ');
        expect({ route, ...other, text }).toEqual({ route, ...none });
      }
    }
    expect(await now()).toEqual(before);
  });

  it('is served to its own key by every route, and its erased id is missing to another key still', async () => {
    const anna = await thingsOf('anna', 'gate-1', open);
    if (state === 'ended') await endAll(anna);
    for (const [route, { status, ended = status }] of routes('id')) {
      const [first] = targets(route, anna);
      expect([route, (await call(route, first!, of('anna'))).status]).toEqual([
        route,
        state === 'ended' ? ended : status,
      ]);
    }
    const before = await now();
    for (const [route] of routes('id').filter(([route]) => route.startsWith('delete'))) {
      const [first] = targets(route, anna);
      const missing = route.includes('{camera}') ? 404 : 410;
      expect([route, (await call(route, first!, of('ben'))).status]).toEqual([route, missing]);
      expect([route, (await call(route, first!, of('anna'))).status]).toEqual([route, 204]);
    }
    expect(await now()).toEqual(before);
  });
});

it('an id from before the installation is not found, by whichever key and route', async () => {
  const id = '01000000-0000-7000-8000-000000000000';
  for (const [route] of routes('id').filter(([route]) => route.includes('{id}'))) {
    for (const owner of ['anna', 'ben']) {
      const answer = await call(route, { id }, of(owner));
      expect([route, answer.status, JSON.parse(answer.text).code]).toEqual([route, 404, 'not_found']);
    }
  }
});

describe('a call that two keys make alike', () => {
  it('works on things of its own key, and answers nothing of the other', async () => {
    const anna = await thingsOf('anna', 'gate-7', true);
    for (const [route, { status }] of routes('own')) {
      for (const owner of ['anna', 'ben']) {
        const answer = await call(route, { camera: 'gate-8' }, of(owner));
        expect([route, owner, answer.status]).toEqual([route, owner, status]);
        const ids = [...anna.jobs, anna.batch, anna.camera];
        if (owner === 'ben') for (const id of ids) expect(answer.text).not.toContain(id);
        else if (route === 'get /cameras') expect(answer.text).toContain(anna.camera);
      }
    }
  });

  it('with the same Idempotency-Key makes a job for each', async () => {
    const again = { 'idempotency-key': '"the same"' };
    const [anna, ben] = [
      await jobOf(later('anna', '/face_detection', again)),
      await jobOf(later('ben', '/face_detection', again)),
    ];
    expect(ben).not.toBe(anna);
    expect(await jobOf(later('anna', '/face_detection', again))).toBe(anna);
    expect(await jobOf(later('ben', '/face_detection', again))).toBe(ben);
    expect((await call('get /jobs/{id}', { id: anna }, of('ben'))).status).toBe(410);
  });

  it('with the same camera name counts, replaces and reports the frames of each apart', async () => {
    const first = await jobOf(later('anna', '/cameras/door/frames'));
    const bens = await jobOf(later('ben', '/cameras/door/frames'));
    expect((await read<JobResource>('anna', `/jobs/${first}`)).status).toBe('queued');
    const second = await jobOf(later('anna', '/cameras/door/frames'));
    expect((await read<JobResource>('anna', `/jobs/${first}`)).error?.code).toBe('superseded');
    expect((await read<JobResource>('ben', `/jobs/${bens}`)).status).toBe('queued');
    expect((await read<CameraResource>('anna', '/cameras/door')).counts).toMatchObject({ posted: 2, superseded: 1 });
    expect((await read<CameraResource>('ben', '/cameras/door')).counts).toMatchObject({ posted: 1, superseded: 0 });

    using stream = await readEvents(`${gateway.url}/cameras/door/events?after=start`, of('ben'));
    await using _ = await startCannedWorker(gateway);
    await read('anna', `/jobs/${second}?wait=20`);
    await read('ben', `/jobs/${bens}?wait=20`);
    const last = await jobOf(later('ben', '/cameras/door/frames'));
    const jobs: string[] = [];
    while (jobs.at(-1) !== last) {
      const { event, data } = (await stream.next())!;
      if (event === 'frame') jobs.push(JSON.parse(data!).job);
    }
    expect(jobs).toEqual([bens, last]);
  });
});

it('a frame of a camera whose name another key uses replaces nothing: it is refused unread while the queue is full', async () => {
  await using full = await startTestGateway(redis.url, { API_KEYS: apiKeys('anna', 'ben'), MAX_WAITING_JOBS: '2' });
  const post = (owner: string) =>
    fetch(`${full.url}/cameras/door/frames`, {
      method: 'POST',
      headers: { 'content-type': 'image/png', ...of(owner) },
      body: 'image',
    });
  const first = await jobOf(post('anna'));
  await expect.poll(async () => (await full.queue.snapshot()).full.cameras).not.toBeNull();
  using raw = await openRaw(full.port);
  await raw.send(
    `POST /cameras/door/frames HTTP/1.1\r\nHost: localhost\r\nx-api-key: ${keyOf('ben')}\r\n` +
      'Content-Type: image/png\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n',
  );
  expect(parseRaw(await raw.until('queue_full')).status).toBe(503);
  expect((await post('ben')).status).toBe(503);
  expect((await full.queue.read(first))?.status).toBe('queued');
  expect((await post('anna')).status).toBe(202);
});
