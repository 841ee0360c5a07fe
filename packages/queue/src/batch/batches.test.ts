import { audit } from '@facequeue/audit';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { newJobId } from '../job/job-id.ts';
import { allResults, batch, finished, items, made } from '../testing/batches.ts';
import { IMAGE, Rig } from '../testing/rig.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis?.stop());

const sound = async (rig: Rig) => expect((await audit(redis.url, rig.prefix)).findings).toEqual([]);

describe('a batch', () => {
  it('runs each item once and lists the items in the order of their ends', async () => {
    await using rig = new Rig(redis.url);
    const queue = await rig.gateway();
    await rig.finishing();
    const id = await made(queue, items(300));
    expect(await finished(queue, id)).toMatchObject({
      status: 'finished',
      complete: true,
      counts: { total: 300, queued: 0, processing: 0, succeeded: 300, failed: 0, canceled: 0 },
    });
    const results = await allResults(queue, id, 7);
    expect(results.map((each) => each.cursor)).toEqual(Array.from({ length: 300 }, (_, i) => String(i + 1)));
    expect(new Set(results.map((each) => each.name)).size).toBe(300);
    expect(results[0]).toMatchObject({
      status: 'succeeded',
      image: IMAGE,
      result: Buffer.from('result'),
      attempts: 1,
      timings: { decode: 1 },
    });
    await sound(rig);
  });

  it('that is open accepts items with new names until it is closed', async () => {
    await using rig = new Rig(redis.url);
    const queue = await rig.gateway();
    await rig.finishing();
    const id = await made(queue, items(3), { open: true });
    expect(await queue.batches.append(id, '', items(5), 'skip')).toEqual({ accepted: 2, skipped: 3, failed: 0 });
    await expect.poll(async () => (await queue.batches.read(id, ''))!.counts.succeeded).toBe(5);
    expect(await queue.batches.read(id, '')).toMatchObject({ status: 'open', complete: false, finishedAt: null });
    await queue.batches.close(id, '');
    expect(await finished(queue, id)).toMatchObject({ status: 'finished', counts: { total: 5 } });
    await expect(queue.batches.append(id, '', items(1, 9), 'skip')).rejects.toMatchObject({ code: 'conflict' });
    await expect(queue.batches.append(id, 'other', items(1, 9), 'skip')).rejects.toMatchObject({ code: 'gone' });
    await sound(rig);
  });

  it('of more items than one call cancels has none queued once its cancel has returned', async () => {
    await using rig = new Rig(redis.url);
    const queue = await rig.gateway();
    const id = await made(queue, items(2100), { open: true });
    expect(await queue.batches.cancel(id, '')).toMatchObject({ counts: { total: 2100, queued: 0, canceled: 2100 } });
    await sound(rig);
  });

  it('that is canceled ends waiting and active items and keeps the results', async () => {
    await using rig = new Rig(redis.url);
    const queue = await rig.gateway();
    const worker = await rig.worker();
    const taken: string[] = [];
    await worker.consume('bulk', { concurrency: 2 }, async (deliveryId, signal) => {
      const job = await worker.claim(deliveryId, 'w');
      if (!job) return;
      taken.push(job.id);
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    });
    const id = await made(queue, items(2500));
    await expect.poll(() => taken).toHaveLength(2);
    expect(await queue.batches.cancel(id, '')).toMatchObject({ status: 'canceled' });
    expect(await finished(queue, id)).toMatchObject({
      counts: { total: 2500, canceled: 2500, queued: 0, processing: 0 },
    });
    expect(await allResults(queue, id, 1000)).toHaveLength(2500);
    await sound(rig);
    expect(await queue.batches.erase(id, '')).toBe(true);
    expect(await queue.batches.read(id, '')).toBeNull();
    await expect.poll(async () => (await queue.snapshot()).resultBytes).toBe(0);
    await sound(rig);
  });
});

describe('a call about a batch', () => {
  it('that does not exist, was erased or is of another owner returns null or false, or fails with gone', async () => {
    await using rig = new Rig(redis.url);
    const { batches } = await rig.gateway();
    const given = batch({ owner: 'ann', open: true });
    await batches.create(given);
    const gone = batch({ owner: 'ann' });
    await batches.create(gone);
    await batches.erase(gone.id, 'ann');
    const nobodys = newJobId();
    const before = await batches.read(given.id, 'ann');
    for (const [id, owner] of [
      [given.id, 'bob'],
      [given.id, ''],
      [gone.id, 'ann'],
      [nobodys, 'ann'],
    ] as const) {
      expect(await batches.read(id, owner)).toBeNull();
      expect(await batches.cancel(id, owner)).toBeNull();
      await expect(batches.close(id, owner)).rejects.toMatchObject({ code: 'gone' });
      await expect(batches.append(id, owner, items(1), 'skip')).rejects.toMatchObject({ code: 'gone' });
    }
    expect(await batches.erase(given.id, 'bob')).toBe(false);
    expect(await batches.erase(nobodys, 'ann')).toBe(false);
    // Told apart from an unknown id for a while.
    expect(await batches.erase(gone.id, 'ann')).toBe(true);
    expect(await batches.erase(gone.id, 'bob')).toBe(false);
    await expect(batches.settle(nobodys)).rejects.toMatchObject({ code: 'gone' });
    expect(await batches.read(given.id, 'ann')).toEqual(before);
    await expect(batches.create(given)).rejects.toMatchObject({ code: 'internal_error' });
    await sound(rig);
  });

  it('appends 256 items at most', async () => {
    await using rig = new Rig(redis.url);
    const { batches } = await rig.gateway();
    const { id } = batch();
    await batches.create(batch({ id, open: true }));
    expect(() => batches.append(id, '', items(257), 'skip')).toThrow(RangeError);
    expect(await batches.append(id, '', items(256), 'skip')).toEqual({ accepted: 256, skipped: 0, failed: 0 });
  });

  it('appends though BullMQ refuses the tokens: the error is reported, and the sweep brings them', async () => {
    await using rig = new Rig(redis.url);
    const queue = await rig.gateway();
    const raw = new Redis(redis.url);
    const { id } = batch();
    await queue.batches.create(batch({ id, open: true }));
    // A key of the wrong type: BullMQ's script stops at it.
    const meta = `${rig.prefix}:bull:bulk:meta`;
    await raw.del(meta);
    await raw.set(meta, 'x');
    expect(await queue.batches.append(id, '', items(3), 'skip')).toMatchObject({ accepted: 3 });
    await expect.poll(() => rig.errors, { timeout: 10_000 }).toMatchObject([{ code: 'internal_error' }]);
    await raw.del(meta);
    raw.disconnect();
    await queue.batches.settle(id);
    await queue.batches.close(id, '');
    await rig.finishing();
    expect(await finished(queue, id)).toMatchObject({ counts: { succeeded: 3 } });
  });
});
