import { getEventListeners } from 'node:events';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import type { GatewayQueue } from '../gateway-queue.ts';
import type { JobRecord } from '../job/job.ts';
import { job, Rig, succeeded } from '../testing/rig.ts';
import { Subscriptions } from './subscriptions.ts';

let redis: TestRedis;
let raw: Redis;
beforeAll(async () => {
  redis = await startRedis();
  raw = new Redis(redis.url);
});
afterAll(async () => {
  raw.disconnect();
  await redis.stop();
});

/** Follows a job to its end, or until it is erased. `seen` grows by each status read that is not the one before. */
function watch(gateway: GatewayQueue, id: string) {
  const seen: (JobRecord['status'] | 'erased')[] = [];
  const done = (async () => {
    using follow = gateway.subscribe(id);
    for (;;) {
      const status = (await gateway.read(id))?.status ?? 'erased';
      if (seen.at(-1) !== status) seen.push(status);
      if (status !== 'queued' && status !== 'processing') return seen;
      if (!(await follow.nextChange(20_000))) throw new Error(`nothing heard after ${seen}`);
    }
  })();
  return { seen, done };
}

const subscribers = async (rig: Rig) =>
  Number(((await raw.call('PUBSUB', 'NUMSUB', `${rig.prefix}:changed`)) as [string, number])[1]);

describe('a subscription', () => {
  it('sees a job queued, processing, back in the queue, processing and succeeded, on another gateway', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const other = await rig.gateway();
    const worker = await rig.worker();
    const given = job();
    await gateway.submit(given);
    const { seen, done } = watch(other, given.id);
    const sees = (status: string) => expect.poll(() => seen.at(-1), { timeout: 10_000, interval: 2 }).toBe(status);
    await sees('queued');
    await worker.claim(given.id, 'w');
    await worker.start(given.id, 1);
    await sees('processing');
    await worker.release(given.id, 1, 0);
    await sees('queued');
    await worker.claim(given.id, 'w');
    await worker.start(given.id, 2);
    await sees('processing');
    await worker.finish(given.id, 2, succeeded());
    expect(await done).toEqual(['queued', 'processing', 'queued', 'processing', 'succeeded']);
  });

  it('is notified of a cancel and of an erasure', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const other = await rig.gateway();
    const [canceled, erased] = [job(), job()];
    for (const each of [canceled, erased]) await gateway.submit(each);
    const watched = [watch(gateway, canceled.id), watch(gateway, erased.id)];
    await expect.poll(() => watched.every((each) => each.seen.length === 1)).toBe(true);
    await other.cancel(canceled.id);
    await other.erase(erased.id, '');
    expect(await watched[0]!.done).toEqual(['queued', 'canceled']);
    expect((await watched[1]!.done).at(-1)).toBe('erased');
  });

  it('reads again after its connection was cut, for what it may have missed', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const worker = await rig.worker();
    const given = job();
    await gateway.submit(given);
    await worker.claim(given.id, 'w');
    const { seen, done } = watch(gateway, given.id);
    await expect.poll(() => seen.length).toBe(1);
    await expect.poll(() => subscribers(rig)).toBe(1);
    // One connection runs its commands in order: the subscribers are disconnected when the job starts, so nobody is notified.
    const cut = raw.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await Promise.all([cut, worker.start(given.id, 1)]);
    await expect.poll(() => seen, { timeout: 10_000 }).toEqual(['queued', 'processing']);
    await worker.finish(given.id, 1, succeeded());
    expect(await done).toEqual(['queued', 'processing', 'succeeded']);
  });

  it('shares one Redis subscription with all others, which ends with the last', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    expect(await subscribers(rig)).toBe(0);
    const follows = Array.from({ length: 100 }, (_, i) => gateway.subscribe(`id-${i % 10}`));
    await expect.poll(() => subscribers(rig)).toBe(1);
    const last = follows.pop()!;
    for (const follow of follows) follow[Symbol.dispose]();
    for (const follow of follows) follow[Symbol.dispose]();
    expect(await subscribers(rig)).toBe(1);
    last[Symbol.dispose]();
    await expect.poll(() => subscribers(rig)).toBe(0);
    // Others before and after do not get in each other's way.
    gateway.subscribe('a')[Symbol.dispose]();
    using _ = gateway.subscribe('b');
    await expect.poll(() => subscribers(rig)).toBe(1);
  });

  it('reports that time is up, and ends when its caller leaves or the gateway closes', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    using follow = gateway.subscribe('a');
    // The first news is that the subscription is in force.
    await follow.nextChange(10_000);
    expect(await follow.nextChange(1)).toBe(false);
    const left = new AbortController();
    const answer = follow.nextChange(60_000, left.signal);
    left.abort();
    expect(await answer).toBe(true);
    const disposed = follow.nextChange(60_000);
    follow[Symbol.dispose]();
    expect(await disposed).toBe(true);
    using other = gateway.subscribe('b');
    const closing = other.nextChange(60_000);
    await gateway.close();
    expect(await closing).toBe(true);
  });
});

describe('a subscription that is over', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it.each(['a change', 'its time', 'its caller’s leaving', 'its disposal', 'the close of all'])(
    'leaves no timer, no listener of its signal and nothing to be notified after %s',
    async (how) => {
      const active: boolean[] = [];
      const subscriptions = new Subscriptions((now) => active.push(now));
      const follow = subscriptions.subscribe('a');
      const left = new AbortController();
      const answer = follow.nextChange(10_000, left.signal);
      expect(vi.getTimerCount()).toBe(1);
      expect([subscriptions.size, subscriptions.empty]).toEqual([1, false]);
      if (how === 'a change') subscriptions.notify('a');
      if (how === 'its time') await vi.advanceTimersByTimeAsync(10_000);
      if (how === 'its caller’s leaving') left.abort();
      if (how === 'its disposal') follow[Symbol.dispose]();
      if (how === 'the close of all') subscriptions.close();
      expect(await answer).toBe(how !== 'its time');
      expect(vi.getTimerCount()).toBe(0);
      expect(getEventListeners(left.signal, 'abort')).toEqual([]);
      for (const _ of ['disposed', 'and again']) follow[Symbol.dispose]();
      expect([subscriptions.size, subscriptions.empty]).toEqual([0, true]);
      expect(active).toEqual([true, false]);
    },
  );

  it('has no change before one is notified, and one change for several notifications', async () => {
    const subscriptions = new Subscriptions(() => {});
    using follow = subscriptions.subscribe('a');
    for (const id of ['a', 'b', 'a']) subscriptions.notify(id);
    expect(await follow.nextChange(10_000)).toBe(true);
    const next = follow.nextChange(10_000);
    subscriptions.notify('b');
    await vi.advanceTimersByTimeAsync(10_000);
    expect(await next).toBe(false);
    subscriptions.notifyAll();
    expect(await follow.nextChange(10_000)).toBe(true);
  });
});
