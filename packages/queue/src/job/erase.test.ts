import { audit } from '@facequeue/audit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { job, Rig, succeeded } from '../testing/rig.ts';
import { newJobId } from './job-id.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

const whole = () =>
  job({ owner: 'ann', idempotency: { key: 'k', fingerprint: 'f' }, webhookUrl: 'https://receiver.example/hook' });

/** What is left besides BullMQ's own keys and the counters. */
async function left(rig: Rig, id: string): Promise<string[]> {
  const { keys, findings } = await audit(redis.url, rig.prefix);
  expect(findings).toEqual([]);
  return keys.filter((key) => key.includes(id)).map((key) => key.slice(rig.prefix.length).replace(id, '*'));
}

describe('erasing a job', () => {
  it.each(['queued', 'fetched', 'processing', 'succeeded', 'canceled'])(
    'that is %s leaves a tombstone only',
    async (when) => {
      await using rig = new Rig(redis.url);
      const gateway = await rig.gateway();
      const worker = await rig.worker();
      const given = whole();
      await gateway.submit(given);
      if (when === 'canceled') await gateway.cancel(given.id);
      const claimed = when === 'queued' ? null : await worker.claim(given.id, 'w');
      if (claimed && when !== 'fetched') await worker.start(given.id, claimed.attempt);
      if (when === 'succeeded') await worker.finish(given.id, 1, succeeded());
      expect(await gateway.erase(given.id, 'ann')).toBe(true);
      expect(await gateway.read(given.id)).toBeNull();
      // BullMQ's copy of the id is skipped when its turn comes.
      expect(await left(rig, given.id)).toEqual([':bull:interactive:*', ':gone:*']);
      expect(await gateway.snapshot()).toMatchObject({
        blobBytes: 0,
        resultBytes: 0,
        queues: { interactive: { waiting: 0, processing: 0 } },
      });
      expect(await worker.start(given.id, 1)).toBe(false);
      expect(await worker.finish(given.id, 1, succeeded())).toBe(false);
      expect(await worker.release(given.id, 1, 0)).toBe(false);
      expect(await worker.claim(given.id, 'w')).toBeNull();
      expect(await worker.leaseWebhooks(9, 9, 1000)).toEqual([]);
      expect(await gateway.cancel(given.id)).toBeNull();
      expect(await left(rig, given.id)).toEqual([':bull:interactive:*', ':gone:*']);
    },
  );

  it('is confirmed again while results are kept, then no longer', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway({ resultTtlMs: 4000 });
    const given = whole();
    await gateway.submit(given);
    const answers = await Promise.all(Array.from({ length: 10 }, () => gateway.erase(given.id, 'ann')));
    expect(answers).toEqual(Array(10).fill(true));
    await expect.poll(() => gateway.erase(given.id, 'ann'), { timeout: 10_000 }).toBe(false);
  });

  it('is refused for a job of another owner, before and after its end, and once its owner has erased it', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const given = whole();
    await gateway.submit(given);
    expect(await gateway.erase(given.id, 'bob')).toBe(false);
    expect(await gateway.erase(given.id, '')).toBe(false);
    expect(await gateway.read(given.id)).toMatchObject({ status: 'queued' });
    const ended = await gateway.cancel(given.id);
    expect(await gateway.erase(given.id, 'bob')).toBe(false);
    expect(await gateway.erase(given.id, '')).toBe(false);
    expect(await gateway.read(given.id)).toEqual(ended);
    expect(await gateway.erase(given.id, 'ann')).toBe(true);
    expect(await gateway.erase(given.id, 'bob')).toBe(false);
    expect(await gateway.erase(newJobId(), 'ann')).toBe(false);
  });

  it('aborts the job in its worker', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const worker = await rig.worker();
    const taken = Promise.withResolvers<void>();
    const dropped = Promise.withResolvers<boolean>();
    await worker.consume('interactive', { concurrency: 1 }, async (id, signal) => {
      const { attempt } = (await worker.claim(id, 'w'))!;
      await worker.start(id, attempt);
      taken.resolve();
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      dropped.resolve(await worker.finish(id, attempt, succeeded()));
    });
    const given = whole();
    await gateway.submit(given);
    await taken.promise;
    await gateway.erase(given.id, 'ann');
    expect(await dropped.promise).toBe(false);
    await expect.poll(() => left(rig, given.id)).toEqual([':gone:*']);
  });

  it.each(['queued', 'processing'])('that is %s ends all waits for it with gone, on two gateways', async (when) => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const other = await rig.gateway();
    const given = whole();
    using here = gateway.wait(given.id);
    using there = other.wait(given.id);
    await gateway.submit(given);
    if (when === 'processing') {
      const worker = await rig.worker();
      await worker.claim(given.id, 'w');
      await worker.start(given.id, 1);
    }
    const answers = Promise.allSettled([here.ended(20_000), there.ended(20_000)]);
    await gateway.erase(given.id, 'ann');
    const erasedError = { status: 'rejected', reason: { code: 'gone', jobId: given.id } };
    expect(await answers).toMatchObject([erasedError, erasedError]);
    // One who comes late hears it at the end of its time.
    using late = other.wait(given.id);
    await expect(late.ended(1)).rejects.toMatchObject({ code: 'gone' });
  });

  it('stops an undelivered webhook, also of a job whose record was erased before', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway({ resultTtlMs: 1 });
    const worker = await rig.worker();
    const given = whole();
    await gateway.submit(given);
    await gateway.cancel(given.id);
    const [delivery] = await worker.leaseWebhooks(1, 1, 60_000);
    await expect.poll(() => gateway.read(given.id), { timeout: 10_000 }).toBeNull();
    expect(await gateway.erase(given.id, 'bob')).toBe(false);
    expect(await gateway.erase(given.id, 'ann')).toBe(true);
    const attempt = { at: 1, status: 200, error: null, ms: 1 };
    expect(await worker.reportWebhook(delivery!, { status: 'delivered', attempt })).toBe(false);
    expect(await worker.leaseWebhooks(9, 9, 1000)).toEqual([]);
    expect((await audit(redis.url, rig.prefix)).findings).toEqual([]);
    expect((await gateway.snapshot()).resultBytes).toBe(0);
  });
});
