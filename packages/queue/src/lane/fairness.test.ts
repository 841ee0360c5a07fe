import { audit } from '@facequeue/audit';
import { DEFAULT_DETECTION_OPTIONS } from '@facequeue/schema';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { newJobId } from '../job/job-id.ts';
import { finished, items, made } from '../testing/batches.ts';
import { Rig, succeeded } from '../testing/rig.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

async function sound(rig: Rig): Promise<void> {
  expect((await audit(redis.url, rig.prefix)).findings).toEqual([]);
}

describe('batches', () => {
  it('share a worker, whatever their sizes', async () => {
    await using rig = new Rig(redis.url);
    const queue = await rig.gateway();
    const large = await made(queue, items(2000));
    const small = await made(queue, items(60));
    const worker = await rig.worker();
    let ended = 0;
    await worker.consume('bulk', { concurrency: 1 }, async (deliveryId) => {
      const job = await worker.claim(deliveryId, 'w');
      if (!job) return;
      await worker.start(job.id, job.attempt);
      await worker.finish(job.id, job.attempt, succeeded());
      ended++;
    });
    await finished(queue, small);
    // Eight tokens of each lane are on their way at a time.
    const other = (await queue.batches.read(large, ''))!.counts.succeeded;
    expect(other).toBeGreaterThan(60 - 3 * 8);
    expect(other).toBeLessThan(60 + 3 * 8);
    expect(ended).toBeGreaterThan(60);
  });
});

describe('cameras', () => {
  it.each(['latest', 'all'] as const)(
    'have shares of a slow worker within a fifth of each other: keep %s',
    async (keep) => {
      await using rig = new Rig(redis.url);
      const queue = await rig.gateway();
      const cameras = Array.from({ length: 16 }, (_, i) => `gate-${i}`);
      const frames = new Map<string, string>();
      const processed = new Map<string, number>(cameras.map((camera) => [camera, 0]));
      const post = async (camera: string) => {
        const id = newJobId();
        frames.set(id, camera);
        await queue.cameras.submit({
          id,
          camera,
          owner: '',
          requestId: 'test',
          bytes: Buffer.from('frame'),
          options: DEFAULT_DETECTION_OPTIONS,
          keep,
          startTimeoutMs: 60_000,
          takenAt: null,
        });
      };
      const worker = await rig.worker();
      const enough = Promise.withResolvers<void>();
      let posts = 0;
      let total = 0;
      await worker.consume('cameras', { concurrency: 2 }, async (deliveryId) => {
        const job = await worker.claim(deliveryId, 'w');
        if (!job) return;
        // While it processes one frame, four times as many are posted; one camera posts whenever it can.
        if (posts < 4 * 240) {
          for (let i = 0; i < 4; i++) await post(cameras[posts++ % 16]!);
          await post('gate-0');
        }
        await worker.start(job.id, job.attempt);
        await worker.finish(job.id, job.attempt, succeeded());
        const camera = frames.get(job.id)!;
        processed.set(camera, processed.get(camera)! + 1);
        if (++total === 200) enough.resolve();
      });
      for (const camera of cameras) await post(camera);
      await enough.promise;
      const shares = [...processed.values()];
      expect(Math.min(...shares)).toBeGreaterThanOrEqual(0.8 * Math.max(...shares));
      await expect
        .poll(async () => (await queue.cameras.list('')).map(({ counts }) => counts.waiting + counts.processing), {
          timeout: 20_000,
        })
        .toEqual(Array(16).fill(0));
      for (const { counts } of await queue.cameras.list('')) {
        const { posted, ...others } = counts;
        expect(posted).toBe(Object.values(others).reduce((sum, count) => sum + count, 0));
        expect(others.superseded > 0).toBe(keep === 'latest');
      }
      await sound(rig);
    },
  );
});
