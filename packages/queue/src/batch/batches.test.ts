import { audit } from '@facequeue/audit';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { allResults, finished, items, made } from '../testing/batches.ts';
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
    await vi.waitFor(async () => expect((await queue.batches.read(id, ''))!.counts.succeeded).toBe(5));
    expect(await queue.batches.read(id, '')).toMatchObject({ status: 'open', complete: false, finishedAt: null });
    await queue.batches.close(id, '');
    expect(await finished(queue, id)).toMatchObject({ status: 'finished', counts: { total: 5 } });
    await expect(queue.batches.append(id, '', items(1, 9), 'skip')).rejects.toMatchObject({ code: 'conflict' });
    await expect(queue.batches.append(id, 'other', items(1, 9), 'skip')).rejects.toMatchObject({ code: 'gone' });
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
    await vi.waitFor(() => expect(taken).toHaveLength(2));
    expect(await queue.batches.cancel(id, '')).toMatchObject({ status: 'canceled' });
    expect(await finished(queue, id)).toMatchObject({
      counts: { total: 2500, canceled: 2500, queued: 0, processing: 0 },
    });
    expect(await allResults(queue, id, 1000)).toHaveLength(2500);
    await sound(rig);
    expect(await queue.batches.erase(id, '')).toBe(true);
    expect(await queue.batches.read(id, '')).toBeNull();
    await vi.waitFor(async () => expect((await queue.snapshot()).resultBytes).toBe(0));
    await sound(rig);
  });
});
