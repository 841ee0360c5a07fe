import { audit } from '@facequeue/audit';
import { describe, expect, it } from 'vitest';
import { snapshotScript } from '../limits/snapshot.ts';
import { dump } from '../testing/dump.ts';
import { ROOMY } from '../testing/rig.ts';
import { by, raw, redis, useScripts } from '../testing/scripts-on-redis.ts';

useScripts();

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
    // An eighth of 80 % of 1000 bytes: 100.
    const keep = { keep: 'all' as const, bytes: Buffer.alloc(60), limits: limits(100, 1000) };
    expect((await by.frame('a0', 'a', keep))[0]).toBe('ok');
    expect(await by.frame('a1', 'a', { ...keep, bytes: Buffer.alloc(41) })).toEqual(['full', 'camera', 1000]);
    expect((await by.frame('a1', 'a', { ...keep, bytes: Buffer.alloc(40) }))[0]).toBe('ok');
    expect(await by.frame('a2', 'a', { ...keep, bytes: Buffer.alloc(1) })).toEqual(['full', 'camera', 1000]);
    expect((await by.frame('b0', 'b', { ...keep, bytes: Buffer.alloc(400) }))[0]).toBe('ok');
    await sound();
  });

  it('may have an eighth of the jobs that may wait', async () => {
    // An eighth of 80 % of 20: two.
    const keep = { keep: 'all' as const, limits: limits(20) };
    for (let i = 0; i < 2; i++) expect((await by.frame(`a${i}`, 'a', keep))[0]).toBe('ok');
    expect(await by.frame('a2', 'a', keep)).toEqual(['full', 'camera', 1000]);
    // One, where that is less than one.
    const few = { keep: 'all' as const, limits: limits(5) };
    expect((await by.frame('b0', 'b', few))[0]).toBe('ok');
    expect(await by.frame('b1', 'b', few)).toEqual(['full', 'camera', 1000]);
  });

  it('may have one frame larger than its share whenever it has none, and no more than that', async () => {
    const post = (id: string, bytes: number) =>
      by.frame(id, 'a', { keep: 'all', bytes: Buffer.alloc(bytes), limits: limits(100, 1000) });
    expect((await post('empty', 0))[0]).toBe('ok');
    expect((await post('large', 300))[0]).toBe('ok');
    await by.cancel('large');
    expect((await post('one', 1))[0]).toBe('ok');
    expect(await post('large again', 300)).toEqual(['full', 'camera', 1000]);
    await by.cancel('one');
    expect((await post('large again', 300))[0]).toBe('ok');
    await sound();
  });

  it.each(['succeeded', 'failed', 'canceled', 'expired', 'superseded', 'erased', 'aborted'] as const)(
    'has room for as many bytes again when its frame is %s',
    async (how) => {
      const keep = { keep: 'all' as const, bytes: Buffer.alloc(100), limits: limits(100, 1000) };
      const [, , , token] = (await by.frame('a0', 'a', keep)) as [string, number, number, string];
      expect((await by.frame('a1', 'a', { ...keep, bytes: Buffer.alloc(1) }))[0]).toBe('full');
      if (how === 'succeeded' || how === 'failed') {
        await by.claim(token);
        // Its image is kept until it ends: it may have to run again.
        expect((await by.frame('a1', 'a', { ...keep, bytes: Buffer.alloc(1) }))[0]).toBe('full');
        await by.finish('a0', 1, how);
      }
      if (how === 'canceled') await by.cancel('a0');
      if (how === 'erased') await by.erase('a0');
      if (how === 'aborted') expect(await by.abort('a0')).toBe(true);
      if (how === 'expired') {
        await raw.hset(by.key('job:a0'), 'expiresAt', 1);
        await by.hurry('a0');
        await by.sweep();
      }
      if (how === 'superseded') {
        await by.frame('a1', 'a', { ...keep, keep: 'latest', bytes: Buffer.alloc(0) });
        await by.cancel('a1');
      }
      expect(await raw.hget(by.key('camera:/a'), 'blobBytes')).toBe('0');
      expect(await raw.hget(by.key('stats'), 'blobBytes')).toBe('0');
      expect((await by.frame('a2', 'a', keep))[0]).toBe('ok');
      await sound();
    },
  );
});

describe('a camera whose newest frame counts', () => {
  it('is served when the queue is full: its frame replaces another', async () => {
    const full = { limits: limits(10, 1000), bytes: Buffer.alloc(100), flow: 'f3' };
    for (let i = 0; i < 8; i++) expect((await by.frame(`f${i}`, `c${i}`, { ...full, flow: `f${i}` }))[0]).toBe('ok');
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

describe('a frame that replaces others', () => {
  it('takes their room, to the byte and to the frame', async () => {
    const post = (id: string, bytes: number, keep: 'latest' | 'all' = 'latest') =>
      by.frame(id, 'a', { keep, bytes: Buffer.alloc(bytes), limits: limits(5, 1000) });
    expect((await post('a', 801)).slice(0, 2)).toEqual(['full', 'blob_bytes']);
    expect((await post('a', 800))[0]).toBe('ok');
    expect((await post('b', 801)).slice(0, 2)).toEqual(['full', 'blob_bytes']);
    expect((await post('b', 800))[0]).toBe('ok');
    expect(await raw.hmget(by.key('job:a'), 'status', 'errorCode')).toEqual(['canceled', 'superseded']);
    // Four may wait. Two of them are this camera's, and both give way.
    await by.frame('c', 'a', { keep: 'all' });
    await by.frame('d', 'd');
    await by.frame('e', 'e');
    expect((await by.frame('f', 'f', { limits: limits(5) })).slice(0, 2)).toEqual(['full', 'waiting']);
    expect((await by.frame('g', 'a', { limits: limits(5) }))[0]).toBe('ok');
    expect(await raw.hmget(by.key('camera:/a'), 'waiting', 'superseded')).toEqual(['1', '3']);
    expect((await by.frame('f', 'f', { limits: limits(5), flow: 'another' }))[0]).toBe('ok');
    await sound();
  });
});

/** Posts a frame and ends it with a result of this many bytes. */
async function processed(id: string, camera: string, bytes: number): Promise<void> {
  const [, , , token] = (await by.frame(id, camera)) as [string, number, number, string];
  await by.claim(token);
  expect(await by.finish(id, 1, 'succeeded', 'x'.repeat(bytes))).toBe(true);
}

/** Bytes of results kept of a camera. */
const MOST = 524_288;

describe('the results of a camera', () => {
  const kept = async (camera = 'a') =>
    (await raw.xrange(by.key(`frames:/${camera}`), '-', '+')).map(([, [, id]]) => id);
  const bytes = async (camera = 'a') => Number(await raw.hget(by.key(`camera:/${camera}`), 'resultBytes'));

  it('are kept up to half a megabyte: one byte more drops the oldest, and no more than that', async () => {
    for (let i = 0; i < 4; i++) await processed(`f${i}`, 'a', 100_000);
    const each = (await bytes()) / 4;
    expect(each).toBeGreaterThan(100_000);
    expect(each).toBeLessThan(100_500);
    // The last one fills what is left to the byte.
    const rest = MOST - 4 * each;
    await processed('f4', 'a', 100_000 + rest - each);
    expect(await bytes()).toBe(MOST);
    expect(await kept()).toEqual(['f0', 'f1', 'f2', 'f3', 'f4']);
    await processed('f5', 'a', 100_000);
    expect(await kept()).toEqual(['f1', 'f2', 'f3', 'f4', 'f5']);
    expect(await bytes()).toBe(MOST);
    // One byte above.
    await processed('f6', 'a', 100_001);
    expect(await kept()).toEqual(['f3', 'f4', 'f5', 'f6']);
    // Another camera has as much for itself.
    await processed('g0', 'b', 100_000);
    expect(await kept('b')).toEqual(['g0']);
    expect(await kept()).toEqual(['f3', 'f4', 'f5', 'f6']);
    await sound();
  });

  it('are a thousand at most, and forgetting the camera returns their bytes', async () => {
    for (let i = 0; i < 1000; i++) await processed(`f${i}`, 'a', 0);
    expect(await raw.xlen(by.key('frames:/a'))).toBe(1000);
    await processed('f1000', 'a', 0);
    expect(await raw.xlen(by.key('frames:/a'))).toBe(1000);
    const [first] = await kept();
    expect(first).toBe('f1');
    await sound();
    await raw.hset(by.key('camera:/a'), 'lastFrameAt', 1);
    await raw.zadd(by.key('cameras'), 1, '/a');
    await by.hurry('camera-/a');
    await by.sweep();
    expect(await raw.exists(by.key('camera:/a'), by.key('frames:/a'))).toBe(0);
    // What is left are the records of the last frames, for a minute each.
    for (let i = 0; i <= 1000; i++) await by.hurry(`f${i}`);
    await by.sweep();
    await by.sweep();
    expect(await raw.hmget(by.key('stats'), 'blobBytes', 'resultBytes')).toEqual(['0', '0']);
    expect(await raw.keys(by.key('{job,frames,camera,lane,blob}*'))).toEqual([]);
    await sound();
  });
});

describe('a frame posted twice under one id', () => {
  it('is told apart from a full queue, and changes nothing', async () => {
    const full = { keep: 'all' as const, limits: limits(1) };
    await by.frame('f', 'a');
    const before = await dump(raw, by.prefix);
    expect(await by.frame('f', 'a', full)).toEqual(['exists']);
    expect((await by.frame('g', 'a', full))[0]).toBe('full');
    expect(await dump(raw, by.prefix)).toEqual(before);
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
