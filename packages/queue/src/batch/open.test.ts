/** How many batches may be open, and the share of a flow. */
import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { ScriptHarness } from '../testing/script-harness.ts';

const MOST = 16;
/** Of them, for one flow alone. */
const SHARE = 14;

let redis: TestRedis;
let raw: Redis;
let by: ScriptHarness;
let ids = 0;
beforeAll(async () => {
  redis = await startRedis();
  raw = new Redis(redis.url);
});
afterAll(async () => {
  raw?.disconnect();
  await redis?.stop();
});
beforeEach(() => {
  by = new ScriptHarness(raw, `{${randomUUID()}}`);
});

const create = (flow: string, open = true) => by.create(`b${ids++}`, { flow, open, maxOpen: MOST });
async function openMany(flow: string, count: number): Promise<string[]> {
  const before = ids;
  const made = Array.from({ length: count }, (_, i) => `b${before + i}`);
  for (const id of made) {
    expect(await create(flow)).toBe('ok');
    await by.settle(id);
  }
  return made;
}
/** What `openMany` would get after the list has been checked a second ago. */
const checkAgain = () => raw.hdel(by.key('stats'), 'openChecked');

describe('open batches', () => {
  it('of one flow alone are all but an eighth, and others have the rest', async () => {
    await openMany('ip:192.0.2.1', SHARE);
    expect(await create('ip:192.0.2.1')).toBe('share');
    expect(await create('ip:192.0.2.1', false)).toBe('ok');
    await openMany('shop', 1);
    expect([await create('shop'), await create('other')]).toEqual(['share', 'ok']);
    expect(await create('last')).toBe('full');
  });

  it.each<[string, (id: string) => Promise<unknown>]>([
    ['closed', (id) => by.close(id)],
    ['canceled', (id) => by.stop(id, 'cancel')],
    ['erased', (id) => by.stop(id, 'erase')],
    [
      'closed by a gateway that keeps no list',
      (id) => raw.hset(by.key(`batch:${id}`), 'state', 'running', 'closedAt', 1),
    ],
    ['forgotten by one', (id) => raw.del(by.key(`batch:${id}`))],
  ])('that are %s make room for others', async (_, end) => {
    const [first] = await openMany('shop', SHARE);
    expect(await create('shop')).toBe('share');
    await end(first!);
    await checkAgain();
    expect([await create('shop'), await create('shop')]).toEqual(['ok', 'share']);
    expect(await raw.hlen(by.key('open-batches'))).toBe(SHARE);
  });

  it('are no more than the share when many are created at once', async () => {
    const answers = await Promise.all(Array.from({ length: 40 }, () => create('shop')));
    expect(answers.filter((answer) => answer === 'ok')).toHaveLength(SHARE);
  });
});
