import { audit } from '@facequeue/audit';
import { DEFAULT_DETECTION_OPTIONS } from '@facequeue/schema';
import { describe, expect, it } from 'vitest';
import { newJobId } from '../job/job-id.ts';
import { Rig } from '../testing/rig.ts';
import { by, raw, redis, useScripts } from '../testing/scripts-on-redis.ts';
import { FRAMES_CHUNK } from './end-superseded.ts';

useScripts();

async function sound(): Promise<void> {
  expect((await audit(redis.url, by.prefix)).findings).toEqual([]);
}

const statuses = (...ids: string[]) =>
  Promise.all(ids.map(async (id) => (await raw.hmget(by.key(`job:${id}`), 'status', 'errorCode')).join(' ')));

const ALL = ['f0', 'f1', 'f2', 'f3', 'f4'];
const SUPERSEDED = 'canceled superseded';

async function postAll(): Promise<void> {
  for (const id of ALL) await by.frame(id, 'a', { keep: 'all' });
}

describe('a frame that replaces more frames than one script may end', () => {
  it('ends the oldest, and no worker gets one of the others', async () => {
    await postAll();
    expect((await by.postFrame('new', 'a', { chunk: 2 })).slice(0, 4)).toEqual([
      'ok',
      expect.any(Number),
      expect.any(Number),
      1,
    ]);
    expect(await statuses(...ALL)).toEqual([SUPERSEDED, SUPERSEDED, 'queued ', 'queued ', 'queued ']);
    await sound();
    const [token] = await by.tokensOf('camera:/a');
    expect((await by.claim(token!)).job?.id).toBe('new');
    expect(await by.tokensOf('camera:/a')).toEqual([]);
    expect(await raw.hget(by.key('camera:/a'), 'waiting')).toBe('4');
  });

  it('leaves the others to further calls, also those that another frame replaces meanwhile', async () => {
    await postAll();
    await by.postFrame('g0', 'a', { chunk: 2 });
    await by.postFrame('g1', 'a', { keep: 'all' });
    await by.postFrame('g2', 'a', { chunk: 1 });
    expect(await statuses('f2', 'g0', 'g1')).toEqual(['queued ', SUPERSEDED, 'queued ']);
    await sound();
    expect(await by.endSuperseded('a', 3)).toBe(true);
    expect(await statuses(...ALL, 'g1')).toEqual([...ALL.map(() => SUPERSEDED), 'queued ']);
    expect(await by.endSuperseded('a', 3)).toBe(false);
    expect(await statuses('g1', 'g2')).toEqual([SUPERSEDED, 'queued ']);
    expect(await raw.hmget(by.key('camera:/a'), 'posted', 'waiting', 'superseded')).toEqual(['8', '1', '7']);
    await sound();
  });

  it('replaces none of them when it is refused', async () => {
    await postAll();
    const limits = { maxWaiting: 1e9, maxBlobBytes: 10, maxResultBytes: 1e9, maxOldestMs: 1e9 };
    expect((await by.postFrame('new', 'a', { chunk: 2, limits })).slice(0, 2)).toEqual(['full', 'blob_bytes']);
    expect(await statuses(...ALL)).toEqual(ALL.map(() => 'queued '));
    expect(await raw.llen(by.key('lane:camera:/a'))).toBe(5);
  });

  it('may have them canceled, erased or expired before they end', async () => {
    await postAll();
    await by.postFrame('new', 'a', { chunk: 1 });
    await by.cancel('f1');
    await by.erase('f2');
    await raw.hset(by.key('job:f3'), 'expiresAt', 1);
    await by.hurry('f3');
    await by.sweep();
    expect(await by.endSuperseded('a')).toBe(false);
    expect(await statuses('f1', 'f3', 'f4')).toEqual(['canceled canceled', 'expired expired', SUPERSEDED]);
    expect(await raw.hmget(by.key('camera:/a'), 'waiting', 'superseded', 'canceled', 'expired')).toEqual([
      '1',
      '2',
      '2',
      '1',
    ]);
    await sound();
  });

  it('leaves them to the sweep if its gateway dies', async () => {
    await postAll();
    await by.postFrame('new', 'a', { chunk: 1 });
    await by.sweep();
    expect((await statuses('f1'))[0]).toBe('queued ');
    // The gateway has been silent for five seconds.
    expect(Number(await raw.zscore(by.key('due'), 'camera-/a')) - Date.now()).toBeLessThanOrEqual(5000);
    await by.hurry('camera-/a');
    await by.sweep();
    expect(await statuses(...ALL, 'new')).toEqual([...ALL.map(() => SUPERSEDED), 'queued ']);
    await sound();
  });

  it('has them ended when its post returns', async () => {
    await using rig = new Rig(redis.url);
    const queue = await rig.gateway();
    const post = (keep: 'latest' | 'all') =>
      queue.cameras.submit({
        id: newJobId(),
        camera: 'gate',
        owner: '',
        requestId: 'test',
        bytes: Uint8Array.of(1),
        options: DEFAULT_DETECTION_OPTIONS,
        keep,
        startTimeoutMs: 60_000,
        takenAt: null,
      });
    const before = 3 * FRAMES_CHUNK + 1;
    for (let i = 0; i < before; i++) await post('all');
    const { id } = await post('latest');
    expect((await queue.cameras.read('', 'gate'))!.counts).toMatchObject({ waiting: 1, superseded: before });
    expect((await queue.read(id))!.status).toBe('queued');
  });
});
