/** Rates and concurrency of owners' calls, counted by two gateways in one Redis. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import type { GatewayQueue } from '../gateway-queue.ts';
import { Scripts } from '../redis/define-script.ts';
import { Rig } from '../testing/rig.ts';
import { type CallLimits, renewScript } from './quotas.ts';

let server: TestRedis;
let raw: Redis;
let rig: Rig;
let one: GatewayQueue;
let two: GatewayQueue;
beforeAll(async () => {
  server = await startRedis();
  raw = new Redis(server.url);
  rig = new Rig(server.url);
  [one, two] = [await rig.gateway(), await rig.gateway()];
});
afterAll(async () => {
  await rig?.[Symbol.asyncDispose]();
  raw?.disconnect();
  await server?.stop();
});

/** So slow that nothing comes back while a test runs. */
const slow = (requests: number, burst: number): CallLimits => ({
  rate: { requests, periodMs: 3_600_000, burst },
  concurrent: null,
});
const concurrent = (count: number): CallLimits => ({ rate: null, concurrent: count });
let owners = 0;
const newOwner = () => `owner-${owners++}`;
const redisNowMs = async () => Number((await raw.time())[0]) * 1000;

describe('the rate of an owner', () => {
  it('is one for all gateways: a burst at once, then nothing, and says when to try again', async () => {
    const owner = newOwner();
    const limits = slow(60, 3);
    const taken = [];
    for (const queue of [one, two, one]) taken.push(await queue.quotas.take(owner, limits));
    expect(taken.map(({ refusedBy, rateLeft }) => [refusedBy, rateLeft])).toEqual([
      [null, 2],
      [null, 1],
      [null, 0],
    ]);
    expect(taken.map(({ rateFullMs }) => Math.ceil(rateFullMs / 60_000))).toEqual([1, 2, 3]);
    const refused = await two.quotas.take(owner, limits);
    expect(refused).toMatchObject({ refusedBy: 'rate', rateLeft: 0 });
    // A call a minute comes back.
    expect(refused.retryAfterMs).toBeGreaterThan(30_000);
    expect(refused.retryAfterMs).toBeLessThanOrEqual(60_000);
    expect(await two.quotas.take(newOwner(), limits)).toMatchObject({ refusedBy: null });
  });

  it('is not used by a call that is refused', async () => {
    const owner = newOwner();
    const limits = slow(60, 1);
    await one.quotas.take(owner, limits);
    const before = await raw.get(`${rig.prefix}:rate:${owner}`);
    for (let i = 0; i < 5; i++) expect((await one.quotas.take(owner, limits)).refusedBy).toBe('rate');
    expect(await raw.get(`${rig.prefix}:rate:${owner}`)).toBe(before);
  });

  it('comes back with time, and takes no memory when all of it is back', async () => {
    const owner = newOwner();
    const limits: CallLimits = { rate: { requests: 20, periodMs: 1000, burst: 1 }, concurrent: null };
    expect((await one.quotas.take(owner, limits)).refusedBy).toBeNull();
    await expect.poll(async () => (await one.quotas.take(owner, limits)).refusedBy, { interval: 10 }).toBeNull();
    await expect.poll(() => raw.exists(`${rig.prefix}:rate:${owner}`), { timeout: 5000 }).toBe(0);
  });

  it('faster than a call a millisecond is exact', async () => {
    const owner = newOwner();
    const limits: CallLimits = { rate: { requests: 9, periodMs: 1, burst: 5 }, concurrent: null };
    await one.quotas.take(owner, limits);
    const [seconds, micros] = await raw.time();
    const usedUs = Number(await raw.get(`${rig.prefix}:rate:${owner}`)) || 0;
    // Its 111 microseconds are over, or the time of Redis stands for it to the microsecond.
    expect(usedUs === 0 || Math.abs(usedUs - (Number(seconds) * 1e6 + Number(micros))) < 1e6).toBe(true);
    await raw.set(`${rig.prefix}:rate:${owner}`, String((await redisNowMs()) * 1000 + 10e6));
    const refused = await one.quotas.take(owner, limits);
    expect(refused).toMatchObject({ refusedBy: 'rate', retryAfterMs: 1 });
  });

  it('refuses for no longer than a whole burst takes, should the clock of Redis be set back', async () => {
    const owner = newOwner();
    await raw.set(`${rig.prefix}:rate:${owner}`, String(((await redisNowMs()) + 7_200_000) * 1000));
    const refused = await one.quotas.take(owner, slow(60, 2));
    expect(refused.refusedBy).toBe('rate');
    expect(refused.retryAfterMs).toBeLessThanOrEqual(60_000);
  });
});

describe('the calls in progress of an owner', () => {
  it('are counted over all gateways until they are released', async () => {
    const owner = newOwner();
    const first = await one.quotas.take(owner, concurrent(2));
    const second = await two.quotas.take(owner, concurrent(2));
    expect([first.concurrentLeft, second.concurrentLeft]).toEqual([1, 0]);
    for (const queue of [one, two])
      expect(await queue.quotas.take(owner, concurrent(2))).toMatchObject({
        refusedBy: 'concurrent',
        concurrentLeft: 0,
        retryAfterMs: 1000,
      });
    expect((await one.quotas.take(newOwner(), concurrent(2))).refusedBy).toBeNull();
    second.release();
    // On one connection the release comes before the next call.
    const third = await two.quotas.take(owner, concurrent(2));
    expect(third.refusedBy).toBeNull();
    first.release();
    first.release();
    third.release();
    await expect.poll(() => raw.exists(`${rig.prefix}:calls:${owner}`)).toBe(0);
  });

  it('use no rate when they are too many, and are none when the rate is used up', async () => {
    const owner = newOwner();
    const limits = { ...slow(60, 2), concurrent: 1 };
    const first = await one.quotas.take(owner, limits);
    expect(await one.quotas.take(owner, limits)).toMatchObject({ refusedBy: 'concurrent', rateLeft: 1 });
    first.release();
    expect((await one.quotas.take(owner, limits)).refusedBy).toBeNull();
    expect((await one.quotas.take(owner, { ...limits, concurrent: 2 })).refusedBy).toBe('rate');
    expect(await raw.zcard(`${rig.prefix}:calls:${owner}`)).toBe(1);
  });

  it('count as long as they last, and those of a killed gateway for 15 s at most', { timeout: 60_000 }, async () => {
    const owner = newOwner();
    const lasting = await one.quotas.take(owner, concurrent(2));
    const key = `${rig.prefix}:calls:${owner}`;
    const counted = async () => raw.zrangebyscore(key, await redisNowMs(), '+inf');
    const ofLiving = await counted();
    const doomed = fork(fileURLToPath(new URL('testing/lasting-call.ts', import.meta.url)), [
      server.url,
      rig.prefix,
      owner,
    ]);
    await once(doomed, 'message');
    expect((await one.quotas.take(owner, concurrent(2))).refusedBy).toBe('concurrent');
    doomed.kill('SIGKILL');
    const killedAt = performance.now();
    await expect.poll(counted, { timeout: 45_000, interval: 500 }).toEqual(ofLiving);
    expect(performance.now() - killedAt).toBeGreaterThan(7000);
    expect((await two.quotas.take(owner, concurrent(2))).refusedBy).toBeNull();
    lasting.release();
  });

  it('end in time, should the clock of Redis be set back', async () => {
    const owner = newOwner();
    await raw.zadd(`${rig.prefix}:calls:${owner}`, (await redisNowMs()) + 3_600_000, 'of a killed gateway');
    expect((await one.quotas.take(owner, concurrent(1))).refusedBy).toBeNull();
  });
});

it('leases of calls are renewed 500 at a time, and none of a call that has ended, not even meanwhile', async () => {
  const owner = newOwner();
  const calls = await Promise.all(Array.from({ length: 1002 }, () => one.quotas.take(owner, concurrent(2000))));
  calls[0]!.release();
  const { run } = Scripts.prototype;
  const renewed: number[] = [];
  using _ = vi.spyOn(Scripts.prototype, 'run').mockImplementation(function (this: Scripts, script, values) {
    const given = values as Partial<Parameters<typeof renewScript.encode>[0]>;
    if (given.owner === owner && given.calls) {
      renewed.push(given.calls.length);
      // The only one of the third part.
      calls.at(-1)!.release();
    }
    return run.call(this, script, values);
  });
  await expect.poll(() => renewed.slice(-3), { timeout: 20_000 }).toEqual([500, 500, 0]);
  await expect.poll(() => raw.zcard(`${rig.prefix}:calls:${owner}`)).toBe(1000);
  for (const call of calls) call.release();
});

describe('the uses of keys', () => {
  it('are read with those of this gateway at once, and with those of others within seconds', async () => {
    const [owner, other] = [newOwner(), newOwner()];
    const began = Date.now();
    two.keyUses.count(owner, false);
    expect(await two.keyUses.read([other, owner])).toMatchObject([
      { calls: 0, refused: 0, lastCallAt: null, inProgress: 0 },
      { calls: 1 },
    ]);
    one.keyUses.count(owner, false);
    one.keyUses.count(owner, true);
    const all = { calls: 3, refused: 1, inProgress: 0 };
    await expect.poll(() => two.keyUses.read([owner]), { timeout: 10_000 }).toMatchObject([all]);
    const call = await one.quotas.take(owner, concurrent(5));
    const [use] = await one.keyUses.read([owner]);
    // What was added up once is not added again.
    expect(use).toMatchObject({ ...all, inProgress: 1 });
    expect(use!.lastCallAt).toBeGreaterThanOrEqual(began);
    expect(use!.lastCallAt).toBeLessThanOrEqual(Date.now());
    call.release();
    await expect.poll(() => two.keyUses.read([owner])).toMatchObject([all]);
    const days = (await raw.pttl(`${rig.prefix}:use:${owner}`)) / 86_400_000;
    expect(days).toBeGreaterThan(89.9);
    expect(days).toBeLessThanOrEqual(90);
  });

  it('counted while Redis is away are added up when it is back', async () => {
    await using own = await startRedis({ appendonly: 'always' });
    await using there = new Rig(own.url);
    const { keyUses } = await there.gateway();
    await own.kill();
    keyUses.count('shop', false);
    await expect(keyUses.read(['shop'])).rejects.toMatchObject({ code: 'unavailable' });
    await own.restart();
    const uses = () => keyUses.read(['shop']).catch(() => []);
    await expect.poll(uses, { timeout: 20_000 }).toMatchObject([{ calls: 1 }]);
  });

  it.each([
    ['before Redis had got them', false],
    ['after Redis had added them up', true],
  ])('whose flush failed %s are added up once', async (_, added) => {
    const [owner, other] = [newOwner(), newOwner()];
    const { run } = Scripts.prototype;
    let failures = 2;
    using _spy = vi.spyOn(Scripts.prototype, 'run').mockImplementation(async function (this: Scripts, script, values) {
      const uses = (values as { uses?: { owner: string }[] }).uses ?? [];
      if (failures === 0 || !uses.some((use) => use.owner === owner)) return await run.call(this, script, values);
      failures -= 1;
      if (added) await run.call(this, script, values);
      throw new Error('the connection was lost');
    });
    one.keyUses.count(owner, true);
    await expect.poll(() => failures, { timeout: 20_000 }).toBe(0);
    one.keyUses.count(owner, false);
    one.keyUses.count(other, false);
    await expect
      .poll(() => two.keyUses.read([owner, other]), { timeout: 20_000 })
      .toMatchObject([{ calls: 2, refused: 1 }, { calls: 1 }]);
    // Nothing is left that could be added again.
    expect(await one.keyUses.read([owner])).toMatchObject([{ calls: 2, refused: 1 }]);
  });

  it('of a gateway that closes are added up', async () => {
    const owner = newOwner();
    const closing = await new Rig(server.url, rig.prefix).gateway();
    closing.keyUses.count(owner, false);
    await closing.close();
    expect(await one.keyUses.read([owner])).toMatchObject([{ calls: 1 }]);
  });
});

it('a full Redis still counts', async () => {
  const owner = newOwner();
  await raw.config('SET', 'maxmemory', '1');
  try {
    await expect(raw.set(`${rig.prefix}:anything`, 'x')).rejects.toThrow(/OOM/);
    expect((await one.quotas.take(owner, { ...slow(60, 1), concurrent: 1 })).refusedBy).toBeNull();
    expect((await one.quotas.take(owner, slow(60, 1))).refusedBy).toBe('rate');
    await new Scripts(raw, rig.prefix).run(renewScript, { owner, calls: [{ name: 'renewed' }] });
    expect(await raw.zscore(`${rig.prefix}:calls:${owner}`, 'renewed')).not.toBeNull();
  } finally {
    await raw.config('SET', 'maxmemory', '0');
  }
});
