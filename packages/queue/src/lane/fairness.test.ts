import { randomUUID } from 'node:crypto';
import { audit } from '@facequeue/audit';
import { DEFAULT_DETECTION_OPTIONS } from '@facequeue/schema';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { newJobId } from '../job/job-id.ts';
import { finished, items, made } from '../testing/batches.ts';
import { Rig, succeeded } from '../testing/rig.ts';
import { ScriptHarness, urlItem } from '../testing/script-harness.ts';

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
    await made(queue, items(2000), { requestId: 'large' });
    const small = await made(queue, items(60), { requestId: 'small' });
    const worker = await rig.worker();
    const ended: Record<string, number> = { large: 0, small: 0 };
    let other = 0;
    await worker.consume('bulk', { concurrency: 1 }, async (deliveryId) => {
      const job = await worker.claim(deliveryId, 'w');
      if (!job) return;
      await worker.start(job.id, job.attempt);
      await worker.finish(job.id, job.attempt, succeeded());
      ended[job.requestId]!++;
      // Counted here: until the test hears of it, many more end.
      if (ended['small'] === 60) other ||= ended['large']!;
    });
    expect(await finished(queue, small)).toMatchObject({ counts: { succeeded: 60 } });
    await expect.poll(() => other).toBeGreaterThan(0);
    // Eight tokens of each lane are on their way at a time.
    expect(other).toBeGreaterThan(60 - 3 * 8);
    expect(other).toBeLessThan(60 + 3 * 8);
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

describe('a lane token', () => {
  it('is one of eight of a batch that are on their way at a time, and the only one of a camera', async () => {
    const raw = new Redis(redis.url);
    const by = new ScriptHarness(raw, `{fq-${randomUUID()}}`);
    await by.create('b');
    const given = Array.from({ length: 20 }, () => urlItem(null));
    expect((await by.append('b', given.slice(0, 3))).tokens).toHaveLength(3);
    expect((await by.append('b', given.slice(3))).tokens).toHaveLength(5);
    for (let i = 0; i < 5; i++) await by.frame(`f${i}`, 'gate', { keep: 'all' });
    const [token, ...others] = await by.tokensOf('batch:b');
    expect(others).toHaveLength(7);
    expect(await by.tokensOf('camera:/gate')).toHaveLength(1);
    // One that is used is no longer looked for, and has a successor.
    expect((await by.claim(token!)).tokens).toHaveLength(1);
    expect(await raw.zscore(by.key('due'), token!)).toBeNull();
    expect(await by.tokensOf('batch:b')).toHaveLength(8);
    raw.disconnect();
  });

  it.each(['batch', 'camera'] as const)('of a %s gives one entry to one of fifty claims at once', async (of) => {
    const connections = Array.from({ length: 5 }, () => new Redis(redis.url));
    const prefix = `{fq-${randomUUID()}}`;
    const by = connections.map((raw) => new ScriptHarness(raw, prefix));
    const [one] = by as [ScriptHarness];
    let token: string;
    if (of === 'batch') {
      await one.create('b');
      token = (await one.append('b', [urlItem('x'), urlItem('y')])).tokens[0]!;
      await one.settle('b');
    } else {
      token = ((await one.frame('x', 'gate', { keep: 'all' })) as string[])[3]!;
      await one.frame('y', 'gate', { keep: 'all' });
    }
    const claims = await Promise.all(Array.from({ length: 50 }, (_, i) => by[i % 5]!.claim(token)));
    const [claimed, ...others] = claims.filter(({ job }) => job !== null);
    expect(others).toEqual([]);
    expect(claimed!.job!.attempt).toBe(1);
    expect(await connections[0]!.llen(one.key(of === 'batch' ? 'lane:batch:b' : 'lane:camera:/gate'))).toBe(1);
    // Once its entry has ended it is worth nothing.
    await one.finish(claimed!.job!.id, 1);
    expect((await one.claim(token)).job).toBeNull();
    expect(await connections[0]!.llen(one.key(of === 'batch' ? 'lane:batch:b' : 'lane:camera:/gate'))).toBe(1);
    expect((await audit(redis.url, prefix)).findings).toEqual([]);
    for (const connection of connections) connection.disconnect();
  });
});
