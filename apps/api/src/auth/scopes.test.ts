/** Each route with each scope, for callers without a key, with a wrong, expired, revoked, foreign and their own key. */
import { SCOPES, type Scope } from '@facequeue/schema/scopes';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { keyOf, startTestGateway, type TestGateway, TestKeysFile } from '../../../../test/support/gateway/index.ts';
import { stored } from '../../../../test/support/redis/stored.ts';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { allRoutes } from '../router.ts';
import type { Services } from '../services.ts';
import { callRoute, ITEMS, LATER, nobodys, ROUTES, type Things, targets } from './testing/every-route.ts';

/** Every route that needs a key, from the gateway's own table, in an order in which its owner can call them all. */
const TABLE = allRoutes({ config: {} } as Services).flatMap(({ method, path, scope }) =>
  scope === null ? [] : [{ route: `${method} ${path}`, scope }],
);
const SORTED = Object.keys(ROUTES).flatMap((route) => TABLE.filter((row) => row.route === route));
const ALL = [...SCOPES];
const PAST = '2026-01-01T00:00:00Z';

let redis: TestRedis;
let file: TestKeysFile;
let gateway: TestGateway;
beforeAll(async () => {
  redis = await startRedis();
  file = new TestKeysFile();
  gateway = await startTestGateway(redis.url, { API_KEYS_FILE: file.path });
});
afterAll(async () => {
  await gateway?.close();
  file?.[Symbol.dispose]();
  await redis?.stop();
});

const of = (name: string) => ({ 'x-api-key': keyOf(name) });
/** What Redis stores, but for the memory that Redis itself takes, the schedule, which the sweep moves on, and how often keys were used. */
const now = async () => {
  const all = await stored(gateway.redisUrl, gateway.prefix);
  const kept = Object.entries(all).filter(([key]) => !/^:(due$|turns$|bull:|use(-report)?:)/.test(key));
  return { ...Object.fromEntries(kept), ':stats': all[':stats']?.replaceAll(/\["memory\w+","\d+"\],/g, '') };
};

/** What a route answers: its status, and the code of an error. */
async function answer(route: string, target: { id?: string; camera?: string }, headers: Record<string, string>) {
  const { status, text } = await callRoute(gateway, route, target, headers, ROUTES[route]!.query);
  return [status, status >= 400 ? JSON.parse(text).code : ''];
}

async function thingsOf(name: string): Promise<Things> {
  const headers = { 'content-type': 'image/png', ...LATER, ...of(name) };
  const post = async (path: string, type = 'image/png', body = 'image') => {
    const init = { method: 'POST', headers: { ...headers, 'content-type': type }, body };
    return ((await (await fetch(gateway.url + path, init)).json()) as { id: string }).id;
  };
  return {
    jobs: [
      await post('/face_detection'),
      await post('/face_detection?priority=bulk'),
      await post('/cameras/gate/frames'),
    ],
    batch: await post('/batches?open=true', ITEMS.type, ITEMS.body),
    camera: 'gate',
  };
}

it('every route but the open ones needs a scope', () => {
  expect(SORTED).toHaveLength(TABLE.length);
  const open = Object.entries(ROUTES).filter(([, { kind }]) => kind === 'open');
  expect(TABLE.length).toBe(Object.keys(ROUTES).length - open.length);
});

it('no route answers callers without a key, with a wrong, an expired or a revoked one, and nothing changes', async () => {
  file.write(
    { name: 'anna', scopes: ALL },
    { name: 'late', scopes: ALL, expires_at: PAST },
    { name: 'left', scopes: ALL },
  );
  await gateway.reloadKeys();
  const things = await thingsOf('anna');
  expect((await fetch(`${gateway.url}/system`, { headers: of('left') })).status).toBe(200);
  file.write({ name: 'anna', scopes: ALL }, { name: 'late', scopes: ALL, expires_at: PAST });
  await gateway.reloadKeys();
  const before = await now();
  for (const { route } of SORTED) {
    for (const headers of [{}, of('nobody'), of('late'), of('left')] as Record<string, string>[]) {
      for (const target of [...targets(route, things), ...targets(route, nobodys('gate-x'))])
        expect([route, headers, ...(await answer(route, target, headers))]).toEqual([
          route,
          headers,
          401,
          'unauthorized',
        ]);
    }
  }
  expect(await now()).toEqual(before);
});

it.each(SCOPES)(
  'a key with the scope %s alone is served by its routes and forbidden all others',
  async (scope: Scope) => {
    file.write({ name: 'anna', scopes: ALL }, { name: 'ben', scopes: ALL });
    await gateway.reloadKeys();
    const things = await thingsOf('anna');
    file.write({ name: 'anna', scopes: [scope] }, { name: 'ben', scopes: [scope] });
    await gateway.reloadKeys();

    const others = SORTED.filter((row) => row.scope !== scope);
    const before = await now();
    for (const { route } of others) {
      for (const target of [...targets(route, things), ...targets(route, nobodys('gate-x'))]) {
        for (const name of ['anna', 'ben'])
          expect([route, name, ...(await answer(route, target, of(name)))]).toEqual([route, name, 403, 'forbidden']);
      }
    }
    expect(await now()).toEqual(before);

    for (const { route } of SORTED.filter((row) => row.scope === scope)) {
      const { kind, status } = ROUTES[route]!;
      const [own] = targets(route, things);
      if (kind === 'id') {
        const missing = route.includes('{camera}') ? [404, 'not_found'] : [410, 'gone'];
        expect([route, ...(await answer(route, own!, of('ben')))]).toEqual([route, ...missing]);
      }
      expect([route, ...(await answer(route, own!, of('anna')))]).toEqual([route, status, '']);
    }
  },
);

it('a key that is forbidden a route is told so before its body is read', async () => {
  file.write({ name: 'anna', scopes: ['jobs'] });
  await gateway.reloadKeys();
  const response = await fetch(`${gateway.url}/face_detection`, {
    method: 'POST',
    headers: { ...of('anna'), 'content-type': 'text/plain' },
    body: 'no image',
  });
  expect(await response.json()).toMatchObject({ code: 'forbidden', detail: 'the key anna has no scope detect' });
});
