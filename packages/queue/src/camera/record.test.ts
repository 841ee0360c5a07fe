import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import type { StreamEntry } from '../redis/stream-page.ts';
import { ScriptHarness } from '../testing/script-harness.ts';
import { cameraFrom, frameResultFrom } from './record.ts';

const NOW = 1_800_000_000_000;

const FIELDS = {
  createdAt: `${NOW - 9000}`,
  keep: 'latest',
  lastFrameAt: `${NOW - 10}`,
  lastJob: 'f9',
  postedRate: `30 ${NOW}`,
  posted: '28',
  waiting: '1',
  processing: '2',
  succeeded: '3',
  failed: '4',
  superseded: '5',
  expired: '6',
  canceled: '7',
};

describe('the record of a camera', () => {
  it('is read as it was stored, by its name without the owner', () => {
    expect(cameraFrom('ann/gate/1', FIELDS, NOW)).toEqual({
      camera: 'gate/1',
      createdAt: NOW - 9000,
      keep: 'latest',
      lastFrameAt: NOW - 10,
      lastResultAt: null,
      lastJobId: 'f9',
      postedRate: 2,
      processedRate: 0,
      counts: {
        posted: 28,
        waiting: 1,
        processing: 2,
        succeeded: 3,
        failed: 4,
        superseded: 5,
        expired: 6,
        canceled: 7,
      },
    });
    const processed = { ...FIELDS, lastResultAt: `${NOW - 5}`, processedRate: `15 ${NOW}` };
    expect(cameraFrom('/gate', processed, NOW)).toMatchObject({
      camera: 'gate',
      lastResultAt: NOW - 5,
      processedRate: 1,
    });
  });

  it('is none for an unknown camera', () => expect(cameraFrom('/gate', {}, NOW)).toBeNull());
});

describe('the record that scripts write of a camera', () => {
  let redis: TestRedis;
  let raw: Redis;
  let by: ScriptHarness;
  beforeAll(async () => {
    redis = await startRedis();
    raw = new Redis(redis.url);
    by = new ScriptHarness(raw, '{fq-record}');
  });
  afterAll(async () => {
    raw.disconnect();
    await redis.stop();
  });
  const read = async () => cameraFrom('/gate', await raw.hgetall(by.key('camera:/gate')), Date.now())!;
  const results = async () =>
    ((await raw.xrangeBuffer(by.key('frames:/gate'), '-', '+')) as StreamEntry[]).map(frameResultFrom);

  it('has its last frame and result, and each result what the worker found out and when', async () => {
    await by.frame('first', 'gate', { keep: 'all', takenAt: NOW });
    const first = await read();
    expect(first).toMatchObject({ keep: 'all', lastJobId: 'first', lastResultAt: null, createdAt: first.lastFrameAt });
    await raw.hset(by.key('camera:/gate'), 'lastFrameAt', 1);
    const [, createdAt, , ...tokens] = (await by.frame('second', 'gate', { keep: 'all' })) as [string, number, number];
    expect(tokens).toEqual([]);
    expect(await read()).toMatchObject({ createdAt: first.createdAt, lastFrameAt: createdAt, lastJobId: 'second' });
    expect(await raw.zscore(by.key('cameras'), '/gate')).toBe(String(createdAt));

    const [token] = await by.tokensOf('camera:/gate');
    const [next] = (await by.claim(token!)).tokens;
    await by.start('first', 1);
    await by.finish('first', 1);
    await by.claim(next!);
    await by.finish('second', 1, 'failed');
    const [one, two] = await results();
    expect(one).toMatchObject({
      jobId: 'first',
      status: 'succeeded',
      takenAt: NOW,
      arrivedAt: first.lastFrameAt,
      error: null,
      image: { format: 'png' },
      result: Buffer.from('result'),
    });
    expect(one!.startedAt).toBeGreaterThanOrEqual(one!.arrivedAt);
    expect(one!.finishedAt).toBeGreaterThanOrEqual(one!.startedAt!);
    expect(two).toMatchObject({
      jobId: 'second',
      status: 'failed',
      takenAt: null,
      startedAt: null,
      error: { code: 'x', detail: 'y' },
      image: { format: 'png' },
      result: null,
    });
    expect(Number(two!.cursor)).toBe(Number(one!.cursor) + 1);
    const record = await read();
    expect(record).toMatchObject({ lastResultAt: two!.finishedAt });
    expect(record.processedRate).toBeGreaterThan(0);
    expect(await raw.hget(by.key('job:first'), 'takenAt')).toBe(String(NOW));
    expect(await raw.hexists(by.key('job:second'), 'takenAt')).toBe(0);
  });

  it('keeps no result of a frame that no worker has ended', async () => {
    const before = await results();
    const { lastResultAt } = await read();
    await by.frame('canceled', 'gate');
    await by.cancel('canceled');
    await by.frame('old', 'gate');
    await by.frame('new', 'gate');
    expect(await raw.hmget(by.key('job:old'), 'errorCode', 'errorDetail')).toEqual([
      'superseded',
      'a newer frame of the camera has replaced it',
    ]);
    expect(await results()).toEqual(before);
    expect(await read()).toMatchObject({ lastResultAt, counts: { superseded: 1, canceled: 1, waiting: 1 } });
  });
});

describe('the result of a frame', () => {
  const entry = (fields: Record<string, string | number>) =>
    frameResultFrom([
      Buffer.from('1800000000007-0'),
      Object.entries(fields).flatMap(([name, value]) => [Buffer.from(name), Buffer.from(String(value))]),
    ]);

  it('is read as it was stored', () => {
    const image = { width: 8, height: 6, format: 'png', bytes: 99, orientation: 1 };
    const times = { b: NOW - 30, t: NOW, k: NOW - 40, a: NOW - 20 };
    const fields = { j: 'f', s: 'succeeded', ...times, f: JSON.stringify(image), m: '{"decode":1}', r: 'faces' };
    expect(entry(fields)).toEqual({
      cursor: '1800000000007',
      jobId: 'f',
      status: 'succeeded',
      takenAt: NOW - 40,
      arrivedAt: NOW - 30,
      startedAt: NOW - 20,
      finishedAt: NOW,
      error: null,
      image,
      timings: { decode: 1 },
      result: Buffer.from('faces'),
    });
  });

  it('that failed before it started has no image, timings or times it did not reach', () => {
    expect(entry({ j: 'f', s: 'failed', b: NOW - 30, t: NOW, c: 'image_undecodable', d: 'cut off' })).toEqual({
      cursor: '1800000000007',
      jobId: 'f',
      status: 'failed',
      takenAt: null,
      arrivedAt: NOW - 30,
      startedAt: null,
      finishedAt: NOW,
      error: { code: 'image_undecodable', detail: 'cut off' },
      image: null,
      timings: {},
      result: null,
    });
  });
});
