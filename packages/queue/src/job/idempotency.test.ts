import { audit } from '@facequeue/audit';
import type { FacequeueError } from '@facequeue/schema';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import type { GatewayQueue } from '../gateway-queue.ts';
import type { AdmissionLimits } from '../limits/admission.ts';
import { proxyTo } from '../testing/proxy.ts';
import { job, Rig, ROOMY } from '../testing/rig.ts';
import type { NewJob } from './job.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

const idempotency = { key: 'once', fingerprint: 'a cat' };

/** How a new job is answered. */
const full = (gateway: GatewayQueue, more: Partial<NewJob>) =>
  gateway.submit(job(more)).then(
    () => 'taken',
    (error: FacequeueError) => error.code,
  );

describe('the same idempotency key', () => {
  it('makes one job of fifty calls at once, over two gateways', async () => {
    await using rig = new Rig(redis.url);
    const gateways = [await rig.gateway(), await rig.gateway()];
    const jobs = Array.from({ length: 50 }, () => job({ idempotency }));
    const answers = await Promise.all(jobs.map((each, i) => gateways[i % 2]!.submit(each)));
    expect(new Set(answers.map((answer) => answer.id)).size).toBe(1);
    expect(answers.filter((answer) => !answer.replayed)).toEqual([{ ...answers[0], replayed: false }]);
    expect(new Set(answers.map((answer) => answer.expiresAt)).size).toBe(1);
    expect(await audit(redis.url, rig.prefix)).toMatchObject({ findings: [], jobs: { queued: 1 } });
  });

  it('returns the same job while its record lives, however it ended', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const first = await gateway.submit(job({ idempotency }));
    await gateway.cancel(first.id);
    const { expiresAt } = (await gateway.read(first.id))!;
    expect(await gateway.submit(job({ idempotency }))).toEqual({ ...first, expiresAt, replayed: true });
    // Another key is another job.
    expect(await gateway.submit(job({ idempotency: { ...idempotency, key: 'twice' } }))).toMatchObject({
      replayed: false,
    });
  });

  it('is refused with another fingerprint, and nothing of that call remains', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    await gateway.submit(job({ idempotency }));
    const other = job({ idempotency: { ...idempotency, fingerprint: 'a dog' } });
    await expect(gateway.submit(other)).rejects.toMatchObject({ code: 'idempotency_conflict' });
    expect(await gateway.read(other.id)).toBeNull();
    expect(await audit(redis.url, rig.prefix)).toMatchObject({ findings: [], jobs: { queued: 1 } });
  });

  it('is known to a gateway started later, and after a restart of Redis', async () => {
    await using own = await startRedis({ appendonly: 'always' });
    await using rig = new Rig(own.url);
    const before = await rig.gateway();
    const { id } = await before.submit(job({ idempotency }));
    await before.close();
    await own.restart();
    const after = await rig.gateway();
    expect(await after.submit(job({ idempotency }))).toMatchObject({ id, replayed: true });
  });

  it('is free again once the record was erased or its time is over, swept or not', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const again = () => gateway.submit(job({ idempotency }));
    const first = await again();
    expect(await gateway.erase(first.id, '')).toBe(true);
    const second = await again();
    expect(second.replayed).toBe(false);
    await gateway.cancel(second.id);
    const raw = new Redis(redis.url);
    // As it is in the last second of its life: over, and the sweep has not come by.
    await raw.hset(`${rig.prefix}:job:${second.id}`, 'expiresAt', Date.now() - 1);
    const third = await again();
    expect(third.replayed).toBe(false);
    expect(await gateway.read(second.id)).toBeNull();
    await gateway.cancel(third.id);
    await raw.zadd(`${rig.prefix}:due`, 1, third.id);
    raw.disconnect();
    await expect.poll(() => gateway.read(third.id), { timeout: 10_000 }).toBeNull();
    expect((await again()).replayed).toBe(false);
    expect(await audit(redis.url, rig.prefix)).toMatchObject({ findings: [], jobs: { queued: 1 } });
  });

  it('is not reserved by a refused call, and needs no room when the job exists', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway({ limits: { ...ROOMY, maxWaiting: 1 } });
    const { id } = await gateway.submit(job());
    const refused = job({ idempotency });
    await expect(gateway.submit(refused)).rejects.toMatchObject({ code: 'queue_full' });
    await gateway.cancel(id);
    const admitted = await gateway.submit(job({ idempotency }));
    expect(admitted.replayed).toBe(false);
    // Full again, of this very job.
    expect(await gateway.submit(job({ idempotency }))).toMatchObject({ id: admitted.id, replayed: true });
    await expect(gateway.submit(job())).rejects.toMatchObject({ code: 'queue_full' });
  });

  it.each<[string, Partial<AdmissionLimits>, Partial<NewJob>]>([
    ['jobs waiting', { maxWaiting: 1 }, {}],
    ['image bytes', { maxBlobBytes: 3 }, {}],
    ['result bytes', { maxResultBytes: 0 }, {}],
    ['webhooks', { maxResultBytes: 2048 }, { webhookUrl: 'https://a.example/' }],
    ['age', { maxOldestMs: 0 }, {}],
    ['a caller’s wait', {}, { waitMs: 0 }],
  ])('returns its job though the limit of %s refuses another', async (_, few, more) => {
    await using rig = new Rig(redis.url);
    // The job gets in by a gateway that knows no limits.
    const roomy = await rig.gateway();
    const gateway = await rig.gateway({ limits: { ...ROOMY, ...few } });
    const worker = await rig.worker();
    if (more.webhookUrl) await roomy.cancel((await roomy.submit(job(more))).id);
    if ('waitMs' in more) {
      // A queue whose jobs end one second apart.
      const raw = new Redis(redis.url);
      await raw.hset(`${rig.prefix}:stats`, 'drain:interactive', `9 ${Date.now()} 64 1000`);
      raw.disconnect();
    }
    const first = await roomy.submit(job({ idempotency, ...more, waitMs: undefined }));
    await expect.poll(() => full(gateway, more), { timeout: 10_000 }).toBe('queue_full');
    expect(await gateway.submit(job({ idempotency, ...more }))).toEqual({ ...first, replayed: true });
    await worker.claim(first.id, 'w');
    await worker.start(first.id, 1);
    expect(await gateway.submit(job({ idempotency, ...more }))).toMatchObject({ id: first.id, replayed: true });
    const other = job({ ...more, idempotency: { ...idempotency, fingerprint: 'a dog' } });
    await expect(gateway.submit(other)).rejects.toMatchObject({ code: 'idempotency_conflict' });
  });

  it('returns its job though Redis has no memory left', async () => {
    await using own = await startRedis();
    await using rig = new Rig(own.url);
    const gateway = await rig.gateway();
    const first = await gateway.submit(job({ idempotency }));
    const raw = new Redis(own.url);
    await raw.config('SET', 'maxmemory', '1');
    expect(await gateway.submit(job({ idempotency }))).toEqual({ ...first, replayed: true });
    await raw.config('SET', 'maxmemory', '0');
    raw.disconnect();
  });
});

describe('a job of an id that exists', () => {
  it('is refused, and the one that has the id stays', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const given = job();
    await gateway.submit(given);
    const before = await gateway.read(given.id);
    await expect(gateway.submit(job({ id: given.id, owner: 'another' }))).rejects.toMatchObject({
      code: 'internal_error',
      message: 'a job of this id exists already',
    });
    expect(await gateway.read(given.id)).toEqual(before);
    expect(await audit(redis.url, rig.prefix)).toMatchObject({ findings: [], jobs: { queued: 1 } });
  });
});

describe('a submission that failed halfway', () => {
  it('frees its key', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const raw = new Redis(redis.url);
    const meta = `${rig.prefix}:bull:interactive:meta`;
    await raw.del(meta);
    // BullMQ's script stops at it; ours has run by then.
    await raw.set(meta, 'x');
    await expect(gateway.submit(job({ idempotency }))).rejects.toMatchObject({ code: 'internal_error' });
    expect(await audit(redis.url, rig.prefix)).toMatchObject({ findings: [], jobs: {} });
    await raw.del(meta);
    raw.disconnect();
    expect(await gateway.submit(job({ idempotency }))).toMatchObject({ replayed: false });
  });

  it('stays and runs when another call has its job meanwhile', async () => {
    await using proxy = await proxyTo(redis.port);
    await using proxied = new Rig(proxy.url);
    await using rig = new Rig(redis.url, proxied.prefix);
    const cut = await proxied.gateway();
    const gateway = await rig.gateway();
    const given = job({ idempotency });
    const alone = job({ idempotency: { ...idempotency, key: 'alone' } });
    proxy.swallow('answers');
    const submissions = [cut.submit(given), cut.submit(alone)];
    for (const submission of submissions) submission.catch(() => {});
    await expect.poll(() => gateway.read(alone.id), { timeout: 10_000 }).not.toBeNull();
    // The second caller relies on the job, though the first will read that it failed.
    const replay = await gateway.submit(job({ idempotency }));
    expect(replay).toMatchObject({ id: given.id, replayed: true });
    using wait = gateway.wait(replay.id);
    for (const submission of submissions) await expect(submission).rejects.toMatchObject({ code: 'unavailable' });
    // Both are asked to be taken back, in this order.
    await expect.poll(() => gateway.read(alone.id), { timeout: 20_000 }).toBeNull();
    expect(await gateway.read(given.id)).toMatchObject({ status: 'queued' });
    await rig.finishing();
    expect(await wait.ended(30_000)).toMatchObject({ status: 'succeeded' });
  });
});
