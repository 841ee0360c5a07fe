import { randomUUID } from 'node:crypto';
import { audit } from '@facequeue/audit';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { snapshotScript } from '../limits/snapshot.ts';
import { ROOMY } from '../testing/rig.ts';
import { ScriptHarness } from '../testing/script-harness.ts';

let redis: TestRedis;
let raw: Redis;
let by: ScriptHarness;
beforeAll(async () => {
  redis = await startRedis();
  raw = new Redis(redis.url);
});
beforeEach(() => {
  by = new ScriptHarness(raw, `{fq-${randomUUID()}}`);
});
afterAll(async () => {
  raw.disconnect();
  await redis.stop();
});

const limits = (maxWaiting: number, maxBlobBytes = 1e9) => ({ ...ROOMY, maxWaiting, maxBlobBytes });

async function sound(): Promise<void> {
  expect((await audit(redis.url, by.prefix)).findings).toEqual([]);
}

describe('a camera that keeps all its frames', () => {
  it('leaves room for other cameras', async () => {
    const keep = { keep: 'all' as const, limits: limits(100) };
    for (let i = 0; i < 10; i++) expect((await by.frame(`a${i}`, 'a', keep))[0]).toBe('ok');
    expect(await by.frame('a10', 'a', keep)).toEqual(['full', 'camera', 1000]);
    expect((await by.frame('b0', 'b', keep))[0]).toBe('ok');
    // A worker takes one up: there is room for another.
    const [token] = await by.tokensOf('camera:/a');
    await by.claim(token!);
    expect((await by.frame('a11', 'a', keep))[0]).toBe('ok');
    await sound();
  });

  it('may have an eighth of the image bytes, but always one frame', async () => {
    const keep = { keep: 'all' as const, bytes: Buffer.alloc(60), limits: limits(100, 1000) };
    expect((await by.frame('a0', 'a', keep))[0]).toBe('ok');
    expect(await by.frame('a1', 'a', keep)).toEqual(['full', 'camera', 1000]);
    expect((await by.frame('b0', 'b', { ...keep, bytes: Buffer.alloc(400) }))[0]).toBe('ok');
    await sound();
  });
});

describe('a camera whose newest frame counts', () => {
  it('is served when the queue is full: its frame replaces another', async () => {
    const full = { limits: limits(10, 1000), bytes: Buffer.alloc(100) };
    for (let i = 0; i < 8; i++) expect((await by.frame(`f${i}`, `c${i}`, full))[0]).toBe('ok');
    expect((await by.frame('new', 'another', full)).slice(0, 2)).toEqual(['full', 'waiting']);
    expect((await by.frame('new', 'c3', full))[0]).toBe('ok');
    expect(await raw.hmget(by.key('job:f3'), 'status', 'errorCode')).toEqual(['canceled', 'superseded']);
    // One that is refused replaces nothing.
    const [before] = await raw.hmget(by.key('camera:/c3'), 'waiting');
    expect((await by.frame('huge', 'c3', { ...full, bytes: Buffer.alloc(300) })).slice(0, 2)).toEqual([
      'full',
      'blob_bytes',
    ]);
    expect(await raw.hmget(by.key('camera:/c3'), 'waiting', 'superseded')).toEqual([before, '1']);
    await sound();
  });
});

describe('frames that have waited long', () => {
  it('do not prevent new ones', async () => {
    const impatient = { ...limits(100), maxOldestMs: 1000 };
    await by.frame('old', 'a', { keep: 'all' });
    await raw.zadd(by.key('waiting:cameras'), 1, 'old');
    expect((await by.frame('new', 'a', { keep: 'all', limits: impatient }))[0]).toBe('ok');
    const { full } = await by.scripts.run(snapshotScript, { limits: impatient });
    expect(full.cameras).toBeNull();
  });
});

describe('cameras', () => {
  it('are at most 256 at a time', async () => {
    for (let i = 0; i < 256; i++) await by.frame(`f${i}`, `c${i}`);
    expect(await by.frame('one', 'more')).toEqual(['full', 'cameras', 30_000]);
    expect((await by.frame('known', 'c0'))[0]).toBe('ok');
    await sound();
  });
});
