import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_DETECTION_OPTIONS } from '@facequeue/schema';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedis, type TestRedis } from '../../../test/support/redis/test-redis.ts';
import type { GatewayQueue } from '../../queue/src/index.ts';
import { newJobId } from '../../queue/src/index.ts';
import { items, made } from '../../queue/src/testing/batches.ts';
import { job, LONG, Rig } from '../../queue/src/testing/rig.ts';
import { audit } from './audit.ts';

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

const frame = (camera: string) => ({
  id: newJobId(),
  camera,
  owner: '',
  requestId: 'test',
  bytes: Buffer.from('frame'),
  options: DEFAULT_DETECTION_OPTIONS,
  keep: 'all' as const,
  startTimeoutMs: LONG,
  takenAt: null,
});

/** Between two calls of a kind, ms. */
const PAUSE_MS = 10;

/** Jobs, frames and batches all the time, and a worker that ends them, until it is disposed of. */
async function busy(rig: Rig): Promise<AsyncDisposable> {
  const queue = await rig.gateway();
  await rig.finishing();
  let running = true;
  const kinds: ((queue: GatewayQueue) => Promise<unknown>)[] = [
    (queue) => queue.submit(job()),
    (queue) => queue.submit(job({ queue: 'bulk' })),
    (queue) => queue.cameras.submit(frame('busy')),
    (queue) => made(queue, items(5)),
  ];
  const callers = kinds.map(async (call) => {
    while (running) await Promise.all([call(queue), sleep(PAUSE_MS)]);
  });
  return {
    async [Symbol.asyncDispose]() {
      running = false;
      await Promise.all(callers);
    },
  };
}

describe('an audit of a busy installation', () => {
  it('reports no fault where there is none', { timeout: 120_000 }, async () => {
    await using rig = new Rig(redis.url);
    await using _load = await busy(rig);
    for (let i = 0; i < 3; i++) expect((await audit(redis.url, rig.prefix, { live: true })).findings).toEqual([]);
  });

  it('reports a fault in something that rests', { timeout: 120_000 }, async () => {
    await using rig = new Rig(redis.url);
    const queue = await rig.gateway();
    await queue.cameras.submit(frame('resting'));
    const id = await made(queue, items(2));
    await raw.hincrby(`${rig.prefix}:camera:/resting`, 'posted', 1);
    await raw.hincrby(`${rig.prefix}:batch:${id}`, 'total', 1);
    await raw.zadd(`${rig.prefix}:due`, Date.now() + LONG, 'nobody');
    await using others = new Rig(redis.url, rig.prefix);
    const submissions: Promise<unknown>[] = [];
    const load = setInterval(() => void submissions.push(queue.submit(job())), 20);
    const { findings } = await audit(redis.url, rig.prefix, { live: true });
    clearInterval(load);
    await Promise.all(submissions);
    expect(others.errors).toEqual([]);
    expect(findings.map(({ text }) => text)).toEqual(
      expect.arrayContaining([
        'camera /resting, posted: found 2, expected 1',
        `batch ${id}, total: found 3, expected 2`,
        'schedule nobody, has a record: found no, expected yes',
      ]),
    );
  });
});

describe('an audit', () => {
  it('works for a user of Redis who may only read', async () => {
    await using rig = new Rig(redis.url);
    const queue = await rig.gateway();
    await queue.submit(job());
    await queue.cameras.submit(frame('gate'));
    await made(queue, items(3));
    const rules = ['on', '>secret', `~${rig.prefix}:*`, '+@read', '+@connection', '+multi', '+exec', '+time', '+info'];
    await raw.call('ACL', 'SETUSER', 'auditor', ...rules);
    const { host } = new URL(redis.url);
    const report = await audit(`redis://auditor:secret@${host}`, rig.prefix, { live: true });
    expect(report).toMatchObject({ findings: [], jobs: { queued: 2 } });
  });
});
