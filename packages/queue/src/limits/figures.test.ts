/** Throughput, rates and workers as scripts store them, and the snapshot made of them. */
import { describe, expect, it } from 'vitest';
import { firstStartScript } from '../job/jobs.ts';
import { sweepScript } from '../sweep/sweeper.ts';
import { ROOMY } from '../testing/rig.ts';
import { badItem, urlItem } from '../testing/script-harness.ts';
import { by, raw, useScripts } from '../testing/scripts-on-redis.ts';
import type { AdmissionLimits } from './admission.ts';
import { snapshotScript } from './snapshot.ts';
import { heartbeatScript, type WorkerInfo } from './workers.ts';

useScripts();

const snapshot = (limits: AdmissionLimits = ROOMY) => by.scripts.run(snapshotScript, { limits });
const stat = (field: string) => raw.hget(by.key('stats'), field);
const setStat = (field: string, value: string | number) => raw.hset(by.key('stats'), field, value);

/** Milliseconds of Redis' clock. */
async function now(): Promise<number> {
  const [seconds, microseconds] = (await raw.time()).map(Number);
  return seconds! * 1000 + Math.floor(microseconds! / 1000);
}

async function run(id: string): Promise<void> {
  const { job } = await by.claim(id);
  await by.finish(id, job!.attempt);
}

/** The low bound allows for a slow machine: seconds between two calls of a test. */
function between(low: number, value: number, high: number): void {
  expect(value).toBeGreaterThanOrEqual(low);
  expect(value).toBeLessThanOrEqual(high);
}

describe('a snapshot of a new installation', () => {
  it('has zeros everywhere, and no queue is full that has room for one job', async () => {
    const limits = { maxWaiting: 2, maxBlobBytes: 0, maxResultBytes: 1, maxOldestMs: 0 };
    const none = { waiting: 0, processing: 0, oldestMs: 0, throughput: 0, gapMs: 0 };
    const { at, ...rest } = await snapshot(limits);
    expect(rest).toEqual({
      blobBytes: 0,
      resultBytes: 0,
      memory: { usedBytes: 0, limitBytes: 0 },
      queues: { interactive: none, bulk: none, cameras: none },
      full: { interactive: null, bulk: null, cameras: null },
      cameras: 0,
      workers: [],
    });
    expect(at).toBeLessThanOrEqual(await now());
  });
});

describe('a snapshot', () => {
  it('has what waits and runs in each queue, what it takes, and the cameras', async () => {
    await by.submit('i1', { queue: 'interactive' });
    await by.submit('i2', { queue: 'interactive' });
    await by.claim('i1');
    await by.start('i1', 1);
    await by.submit('b1');
    await by.create('b', { open: true });
    await by.append('b', [urlItem(null), urlItem(null), badItem(null)]);
    await by.frame('f', 'gate');
    const { queues, blobBytes, resultBytes, cameras } = await snapshot();
    expect([queues.interactive.waiting, queues.interactive.processing]).toEqual([1, 1]);
    expect([queues.bulk.waiting, queues.bulk.processing]).toEqual([3, 0]);
    expect([queues.cameras.waiting, queues.cameras.processing]).toEqual([1, 0]);
    expect([blobBytes, cameras]).toEqual([3 * 3 + 5, 1]);
    expect(String(resultBytes)).toBe(await raw.hget(by.key('batch:b'), 'resultBytes'));
  });

  it('says that a queue whose jobs wait too long is full', async () => {
    await by.submit('i', { queue: 'interactive' });
    await raw.zadd(by.key('lane:jobs:interactive:o'), (await now()) - 5000, 'i');
    const { full } = await snapshot({ ...ROOMY, maxOldestMs: 4000 });
    expect(full).toMatchObject({ interactive: { reason: 'oldest', flow: 'o' }, bulk: null, cameras: null });
  });

  it('has the memory of Redis as the last sweep found it', async () => {
    await raw.config('SET', 'maxmemory', '1000000000');
    try {
      await by.scripts.run(sweepScript, { max: 1 });
    } finally {
      await raw.config('SET', 'maxmemory', '0');
    }
    const { memory } = await snapshot();
    expect(memory.limitBytes).toBe(1_000_000_000);
    expect(memory.usedBytes).toBeGreaterThan(100_000);
    expect(memory.usedBytes).toBeLessThan(1_000_000_000);
  });
});

describe('the throughput of a queue', () => {
  const throughput = async () => (await snapshot()).queues.bulk.throughput;

  it('counts an end less the longer ago it was: after 15 s a third or so', async () => {
    await setStat('drain:bulk', `30 ${(await now()) - 15_000} 0 0`);
    between(0.7 * (2 / Math.E), await throughput(), 2 / Math.E + 0.001);
    await by.submit('j');
    await run('j');
    const [count] = (await stat('drain:bulk'))!.split(' ');
    between(0.7 * (30 / Math.E), Number(count) - 1, 30 / Math.E);
  });

  it('takes an end of the future for one of now: the clock was set back', async () => {
    await setStat('drain:bulk', `15000 ${(await now()) + 60_000} 0 0`);
    expect(await throughput()).toBe(1000);
  });
});

describe('the mean time between two ends of a queue', () => {
  const gap = async () => (await snapshot()).queues.bulk.gapMs;
  const jobs = async (...ids: string[]) => {
    for (const id of ids) await by.submit(id);
  };

  it('has its first sample at the second end in a row', async () => {
    await jobs('a', 'b', 'c');
    await run('a');
    expect(await stat('drain:bulk')).toMatch(/^1\.000000 \d+ 0 0\.000$/);
    await setStat('mark:bulk', (await now()) - 2000);
    await run('b');
    between(2000, await gap(), 9000);
    expect((await stat('drain:bulk'))!.split(' ')[2]).toBe('1');
  });

  it('weighs all samples alike, up to 64 of them', async () => {
    await jobs('a', 'b', 'c', 'd');
    for (const [id, samples, interval] of [
      ['a', 1, '5100.000'],
      ['b', 3, '2650.000'],
      ['c', 64, '353.125'],
    ] as const) {
      await setStat('drain:bulk', `0 0 ${samples} 200.000`);
      // Longer ago than a sample counts: 10 s.
      await setStat('mark:bulk', (await now()) - 60_000);
      await run(id);
      expect((await stat('drain:bulk'))!.split(' ').slice(2)).toEqual([String(Math.min(64, samples + 1)), interval]);
    }
  });

  it('takes an end of the future for one of now: the clock was set back', async () => {
    await jobs('a', 'b');
    await setStat('drain:bulk', '0 0 1 200.000');
    await setStat('mark:bulk', (await now()) + 60_000);
    await run('a');
    expect(await gap()).toBe(100);
  });

  it('is measured from an end that left jobs waiting, and from no other', async () => {
    const mark = () => stat('mark:bulk');
    await jobs('a', 'b');
    await run('a');
    expect(Number(await mark())).toBeGreaterThan((await now()) - 5000);
    await run('b');
    expect(await mark()).toBeNull();
    // A job that waits in the lane of a batch is one, too.
    await by.create('b', { open: true });
    const { tokens } = await by.append('b', [urlItem(null), urlItem(null)]);
    const first = (await by.claim(tokens[0]!)).job!;
    await by.finish(first.id, 1);
    expect(await mark()).not.toBeNull();
    const second = (await by.claim(tokens[1]!)).job!;
    await by.finish(second.id, 1);
    expect(await mark()).toBeNull();
  });

  it.each(['job', 'item', 'frame'] as const)(
    'leaves out a time in which nothing waited, whatever comes after it: %s',
    async (what) => {
      await by.create('b', { open: true });
      const queue = what === 'frame' ? 'cameras' : 'bulk';
      const add = async (n: number) => {
        if (what === 'job') await by.submit(`j${n}`);
        if (what === 'item') await by.append('b', [urlItem(null)]);
        if (what === 'frame') await by.frame(`f${n}`, 'gate', { keep: 'all' });
      };
      await setStat(`mark:${queue}`, 1);
      // Nothing of this will wait.
      await by.append('b', [badItem(null)]);
      expect(await stat(`mark:${queue}`)).toBe('1');
      await add(0);
      expect(await stat(`mark:${queue}`)).toBeNull();
      // While something waits, time passes for the queue.
      await setStat(`mark:${queue}`, 1);
      await add(1);
      expect(await stat(`mark:${queue}`)).toBe('1');
    },
  );
});

describe('the rate of a batch and of a camera', () => {
  const events = async (hash: string, field: string) => {
    const [count] = ((await raw.hget(by.key(hash), field)) ?? '').split(' ');
    return Number(count);
  };

  it('counts each event once, and less the longer ago it was', async () => {
    const post = async (id: string) => ((await by.frame(id, 'gate', { keep: 'all' })) as string[])[3]!;
    const token = await post('f');
    expect(await events('camera:/gate', 'postedRate')).toBe(1);
    await raw.hset(by.key('camera:/gate'), 'postedRate', `10 ${(await now()) - 15_000}`);
    await post('g');
    between(0.7 * (10 / Math.E), (await events('camera:/gate', 'postedRate')) - 1, 10 / Math.E);
    expect(await raw.hexists(by.key('camera:/gate'), 'processedRate')).toBe(0);
    await by.claim(token);
    await by.finish('f', 1);
    expect(await events('camera:/gate', 'processedRate')).toBe(1);
  });

  it('counts the items that workers have ended, not those that were canceled', async () => {
    await by.create('b', { open: true });
    await by.settle('b');
    const { tokens } = await by.append('b', [urlItem(null), urlItem(null), urlItem(null), badItem(null)]);
    const [one, two] = [(await by.claim(tokens[0]!)).job!, (await by.claim(tokens[1]!)).job!];
    await by.cancel(one.id);
    expect(await raw.hexists(by.key('batch:b'), 'rate')).toBe(0);
    await by.finish(two.id, 1, 'failed');
    expect(await events('batch:b', 'rate')).toBe(1);
    await by.stop('b', 'cancel');
    expect(await events('batch:b', 'rate')).toBe(1);
  });
});

describe('a heartbeat', () => {
  const info: WorkerInfo = {
    id: 'w',
    version: '0',
    device: null,
    models: null,
    engines: 0,
    queues: ['webhooks'],
    busy: 0,
    load: 0,
    startedAt: 5,
  };
  const beat = (id: string, silenceMs: number) => by.scripts.run(heartbeatScript, { id, info, silenceMs });

  it('forgets every worker that has been silent for too long, and no other', async () => {
    const at = await now();
    for (const [id, age] of [
      ['a', 20_000],
      ['b', 5000],
      ['c', 20_000],
      ['d', 5000],
    ] as const)
      await raw.hset(by.key('workers'), id, `${at - age} {}`);
    await beat('w', 15_000);
    expect((await raw.hkeys(by.key('workers'))).sort()).toEqual(['b', 'd', 'w']);
    expect((await snapshot()).workers).toContainEqual(info);
    await beat('w', 0);
    expect(await raw.hkeys(by.key('workers'))).toEqual(['w']);
  });
});

describe('the first start of an installation', () => {
  it('is the time of the first call, at every call', async () => {
    const first = await by.scripts.run(firstStartScript, {});
    expect(first).toBeGreaterThan((await now()) - 5000);
    expect(first).toBeLessThanOrEqual(await now());
    await raw.set(by.key('first-start'), first! - 60_000);
    expect(await by.scripts.run(firstStartScript, {})).toBe(first! - 60_000);
  });
});
