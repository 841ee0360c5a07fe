import { DEFAULT_DETECTION_OPTIONS } from '@facequeue/schema';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import type { GatewayQueue } from '../gateway-queue.ts';
import { newJobId } from '../job/job-id.ts';
import { Rig } from '../testing/rig.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis?.stop());

/** Posts a frame and resolves when it has ended. */
async function post(queue: GatewayQueue, more: { camera?: string; owner?: string } = {}): Promise<string> {
  const id = newJobId();
  using wait = queue.wait(id);
  const options = DEFAULT_DETECTION_OPTIONS;
  const frame = {
    camera: 'gate-1',
    owner: '',
    requestId: 'test',
    bytes: Uint8Array.of(1),
    options,
    takenAt: null,
    ...more,
  };
  await queue.cameras.submit({ ...frame, id, keep: 'all', startTimeoutMs: 60_000 });
  await wait.ended(20_000);
  return id;
}

describe('a frame', () => {
  it('is kept as a job for a minute after its end, less when results are', async () => {
    await using rig = new Rig(redis.url);
    await rig.finishing();
    for (const [resultTtlMs, kept] of [
      [3_600_000, 60_000],
      [30_000, 30_000],
    ] as const) {
      const queue = await rig.gateway({ resultTtlMs });
      const record = (await queue.read(await post(queue)))!;
      expect(record.expiresAt - record.finishedAt!).toBe(kept);
    }
  });
});

describe('the cameras of an owner', () => {
  it('are listed by name, without those of others and without one that is just being forgotten', async () => {
    await using rig = new Rig(redis.url);
    const queue = await rig.gateway();
    await rig.finishing();
    for (const camera of ['c', 'a', 'b']) await post(queue, { camera, owner: 'ann' });
    for (const owner of ['', 'an', 'anna']) await post(queue, { camera: 'd', owner });
    const raw = new Redis(redis.url);
    await raw.del(`${rig.prefix}:camera:ann/b`);
    raw.disconnect();
    expect((await queue.cameras.list('ann')).map(({ camera }) => camera)).toEqual(['a', 'c']);
    expect((await queue.cameras.list('bob')).map(({ camera }) => camera)).toEqual([]);
  });
});

describe('a camera that was forgotten and comes back', () => {
  it('notifies its subscribers of new results', async () => {
    await using rig = new Rig(redis.url);
    const queue = await rig.gateway();
    await rig.finishing();
    for (let i = 0; i < 3; i++) await post(queue);
    const seen = await queue.cameras.newest('', 'gate-1');

    const raw = new Redis(redis.url);
    await raw.hset(`${rig.prefix}:camera:/gate-1`, 'lastFrameAt', 0);
    await raw.zadd(`${rig.prefix}:due`, 0, 'camera-/gate-1');
    raw.disconnect();
    await expect.poll(() => queue.cameras.read('', 'gate-1'), { timeout: 20_000 }).toBeNull();

    const id = await post(queue);
    expect((await queue.cameras.results('', 'gate-1', seen, 10)).map(({ jobId }) => jobId)).toEqual([id]);
  });
});
