import { audit } from '@facequeue/audit';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { job, LONG, Rig, succeeded } from '../testing/rig.ts';
import { everySecond } from './sweeper.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

// Concurrent tests have an `expect` each.
describe.concurrent('the sweep', () => {
  it('expires a job that was not started in time at its next round, a second apart, with no worker at all', async ({
    expect,
  }) => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const given = job({ startTimeoutMs: 50 });
    using wait = gateway.wait(given.id);
    const began = performance.now();
    await gateway.submit(given);
    expect(await wait.ended(LONG)).toMatchObject({
      status: 'expired',
      attempts: 0,
      error: { code: 'expired', detail: 'the job was not started in time' },
    });
    // Other tests of this file run beside it, one with thousands of jobs.
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  it('expires 1500 jobs that are due together', async ({ expect }) => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const jobs = Array.from({ length: 1500 }, () => job({ startTimeoutMs: 1500 }));
    const waits = jobs.map((each) => gateway.wait(each.id));
    await Promise.all(jobs.map((each) => gateway.submit(each)));
    const records = await Promise.all(waits.map((wait) => wait.ended(LONG)));
    expect(records.every((record) => record?.status === 'expired')).toBe(true);
    expect(await audit(redis.url, rig.prefix)).toMatchObject({ findings: [], jobs: { expired: 1500 } });
  });

  it('does not expire a job that runs past its deadline', async ({ expect }) => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const worker = await rig.worker();
    const finishLater = Promise.withResolvers<void>();
    await worker.consume('interactive', { concurrency: 2 }, async (id) => {
      const claimed = (await worker.claim(id, 'w'))!;
      await worker.start(claimed.id, claimed.attempt);
      await finishLater.promise;
      await worker.finish(claimed.id, claimed.attempt, succeeded());
    });
    const [running, overdue] = [job({ startTimeoutMs: 6000 }), job({ startTimeoutMs: 12_000 })];
    using wait = gateway.wait(running.id);
    using clock = gateway.wait(overdue.id);
    await gateway.submit(running);
    await expect.poll(async () => (await gateway.read(running.id))?.status).toBe('processing');
    // A job that nobody claims measures the time: at its deadline the sweep has checked the running one twice.
    await gateway.submit({ ...overdue, queue: 'bulk' });
    expect(await clock.ended(LONG)).toMatchObject({ status: 'expired' });
    expect(await gateway.read(running.id)).toMatchObject({ status: 'processing', attempts: 1 });
    finishLater.resolve();
    expect(await wait.ended(LONG)).toMatchObject({ status: 'succeeded', attempts: 1 });
  });

  it.for(['waiting', 'in a worker that died'])(
    'brings back a job that BullMQ has lost, %s',
    async (when, { expect }) => {
      await using rig = new Rig(redis.url);
      const gateway = await rig.gateway();
      const given = job();
      using wait = gateway.wait(given.id);
      await gateway.submit(given);
      const worker = await rig.worker();
      if (when !== 'waiting') {
        await worker.claim(given.id, 'died');
        await worker.start(given.id, 1);
      }
      const raw = new Redis(redis.url);
      expect(await raw.del(`${rig.prefix}:bull:interactive:${given.id}`)).toBe(1);
      expect(await raw.del(`${rig.prefix}:bull:interactive:wait`)).toBe(1);
      raw.disconnect();
      await rig.finishing();
      const away = performance.now();
      expect(await wait.ended(LONG)).toMatchObject({ status: 'succeeded', attempts: when === 'waiting' ? 1 : 2 });
      // The promise is 5 s.
      expect(performance.now() - away).toBeLessThan(20_000);
    },
  );

  it('requeues a job whose worker died while no other runs', async ({ expect }) => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const worker = await rig.worker();
    const given = job();
    await gateway.submit(given);
    await worker.claim(given.id, 'died');
    await worker.start(given.id, 1);
    await expect.poll(async () => (await gateway.read(given.id))?.status, { timeout: 20_000 }).toBe('queued');
    expect(await audit(redis.url, rig.prefix)).toMatchObject({ findings: [], jobs: { queued: 1 } });
    // Should it be alive after all, what it has done counts.
    expect(await worker.finish(given.id, 1, succeeded())).toBe(true);
  });

  it('leaves nothing once everything has ended and its time is over', async ({ expect }) => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway({ resultTtlMs: 8000 });
    const worker = await rig.worker();
    let nth = 0;
    await worker.consume('interactive', { concurrency: 4 }, async (id) => {
      const claimed = await worker.claim(id, 'w');
      if (!claimed) return;
      if (!(await worker.start(claimed.id, claimed.attempt))) return;
      const kind = nth++ % 3;
      if (kind === 0) await worker.finish(claimed.id, claimed.attempt, succeeded(Buffer.alloc(1000)));
      else if (kind === 1 && claimed.attempt === 1) await worker.release(claimed.id, claimed.attempt, 20);
      else
        await worker.finish(claimed.id, claimed.attempt, {
          status: 'failed',
          error: { code: 'image_undecodable', detail: '' },
        });
    });
    const warm = job();
    using warmed = gateway.wait(warm.id);
    await gateway.submit(warm);
    await warmed.ended(LONG);
    const jobs = Array.from({ length: 60 }, (_, i) =>
      job({
        startTimeoutMs: i % 10 === 9 ? 1 : 60_000,
        idempotency: { key: `k${i}`, fingerprint: 'f' },
        ...(i % 2 && { webhookUrl: `https://r${i % 3}.example/` }),
      }),
    );
    const waits = jobs.map((each) => gateway.wait(each.id));
    // From the beginning: a record that nobody has read when its time is over is gone.
    const ends = Promise.all(waits.map((wait) => wait.ended(LONG)));
    await Promise.all(
      jobs.map(async (each, i) => {
        await gateway.submit(each);
        if (i % 10 === 8) await gateway.cancel(each.id);
      }),
    );
    const erased = [job(), job({ webhookUrl: 'https://erased.example/' })];
    for (const each of erased) {
      await gateway.submit(each);
      await gateway.erase(each.id, '');
    }
    expect(new Set((await ends).map((record) => record?.status))).toEqual(
      new Set(['succeeded', 'failed', 'canceled', 'expired']),
    );
    const attempt = { at: 1, status: 200, error: null, ms: 1 };
    for (const each of await worker.leaseWebhooks(100, 100, 60_000))
      expect(await worker.reportWebhook(each, { status: 'delivered', attempt })).toBe(true);
    const ours = async () => {
      const { keys, findings } = await audit(redis.url, rig.prefix);
      expect(findings).toEqual([]);
      // BullMQ renews a mark of its own whenever it checks for stalled jobs.
      return keys.map((key) => key.slice(rig.prefix.length)).filter((key) => !key.endsWith(':stalled-check'));
    };
    await expect
      .poll(ours, { timeout: 20_000 })
      .toEqual([
        ':bull:bulk:meta',
        ':bull:cameras:meta',
        ':bull:interactive:events',
        ':bull:interactive:id',
        ':bull:interactive:meta',
        ':first-start',
        ':stats',
      ]);
    expect(await gateway.snapshot()).toMatchObject({
      blobBytes: 0,
      resultBytes: 0,
      queues: { interactive: { waiting: 0, processing: 0, oldestMs: 0 } },
    });
  });
});

describe('a background task', () => {
  it('runs once a second, never concurrently, and survives a failure', async () => {
    const errors: Error[] = [];
    let running = 0;
    let most = 0;
    let calls = 0;
    const thrice = Promise.withResolvers<void>();
    const began = performance.now();
    const stop = everySecond(
      async () => {
        most = Math.max(most, ++running);
        if (++calls === 3) thrice.resolve();
        // The first one outlasts the next tick.
        await new Promise((resolve) => setTimeout(resolve, calls === 1 ? 1300 : 0));
        running--;
        if (calls === 2) throw new Error('away');
      },
      (error) => errors.push(error),
    );
    await thrice.promise;
    // At 1 s, at 3 s (the first call lasts until then) and at 4 s.
    expect(performance.now() - began).toBeGreaterThan(3900);
    expect(performance.now() - began).toBeLessThan(16_000);
    await stop();
    expect(most).toBe(1);
    expect(errors.map((error) => error.message)).toEqual(['away']);
  });

  it('that fails after it was stopped is not reported', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
    try {
      const working = Promise.withResolvers<void>();
      const errors: Error[] = [];
      const stop = everySecond(
        () => working.promise,
        (error) => errors.push(error),
      );
      await vi.advanceTimersByTimeAsync(1000);
      const stopped = stop();
      working.reject(new Error('closed'));
      await stopped;
      expect(errors).toEqual([]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('that never ends is left after 2 s when it is stopped', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
    try {
      const stop = everySecond(
        () => new Promise(() => {}),
        () => {},
      );
      await vi.advanceTimersByTimeAsync(1000);
      let stopped = false;
      void stop().then(() => {
        stopped = true;
      });
      await vi.advanceTimersByTimeAsync(1900);
      expect(stopped).toBe(false);
      await vi.advanceTimersByTimeAsync(200);
      expect(stopped).toBe(true);
    } finally {
      vi.useRealTimers();
    }
  });
});
