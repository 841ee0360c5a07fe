import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { ROOMY } from '../testing/rig.ts';
import type { ScriptHarness } from '../testing/script-harness.ts';
import { by, raw, useScripts } from '../testing/scripts-on-redis.ts';
import { snapshotScript } from './snapshot.ts';
import { heartbeatScript, WORKER_SILENCE_MS, type WorkerInfo } from './workers.ts';

/** Milliseconds between two ends of jobs, as recorded in each test. */
const INTERVAL = 200;

useScripts();
beforeEach(async () => {
  for (const queue of ['interactive', 'bulk'])
    await raw.hset(by.key('stats'), `drain:${queue}`, `0 0 1 ${INTERVAL}.000`);
});

/** An interactive job: the limits are all its. */
const submit = (more: Parameters<ScriptHarness['submit']>[1] = {}) =>
  by.submit(randomUUID(), { queue: 'interactive', blob: Buffer.alloc(0), ...more });
const refused = (reason: string, retryAfterMs: number) => ['full', reason, retryAfterMs];
const admitted = ['ok', expect.any(Number), expect.any(Number), expect.any(String)];
const stats = (fields: Record<string, string | number>) => raw.hset(by.key('stats'), fields);

async function waiting(count: number): Promise<void> {
  for (let i = 0; i < count; i++) expect(await submit()).toEqual(admitted);
}

describe('the first job of an installation', () => {
  it('is admitted when it fills every limit', async () => {
    const limits = { maxWaiting: 1, maxBlobBytes: 3, maxResultBytes: 1, maxOldestMs: 0 };
    const webhook = { webhookUrl: 'https://a.example/', webhookHost: 'a.example' };
    expect(await submit({ limits, blob: Buffer.alloc(3), waitMs: 0, ...webhook })).toEqual(admitted);
  });
});

describe('a job that is one too many', () => {
  it('may come again when a tenth of those that wait have ended, in a second at the earliest', async () => {
    await waiting(60);
    expect(await submit({ limits: { ...ROOMY, maxWaiting: 60 } })).toEqual(refused('waiting', 6 * INTERVAL));
    await stats({ 'drain:interactive': '0 0 1 20.000' });
    expect(await submit({ limits: { ...ROOMY, maxWaiting: 60 } })).toEqual(refused('waiting', 1000));
    await stats({ 'drain:interactive': '0 0 1 9000.000' });
    expect(await submit({ limits: { ...ROOMY, maxWaiting: 60 } })).toEqual(refused('waiting', 30_000));
  });

  it('may come again when as many have ended as are above the limit, where that is more than a tenth', async () => {
    await waiting(20);
    expect(await submit({ limits: { ...ROOMY, maxWaiting: 10 } })).toEqual(refused('waiting', 11 * INTERVAL));
  });

  it('comes after half a minute when BullMQ lists twice as many, whatever they are', async () => {
    const listed = (count: number) =>
      raw.rpush(by.key('bull:interactive:wait'), ...Array.from({ length: count }, () => 'ended'));
    await listed(9);
    expect(await submit({ limits: { ...ROOMY, maxWaiting: 5 } })).toEqual(admitted);
    await raw.rpush(by.key('bull:bulk:wait'), 'ended');
    expect(await submit({ limits: { ...ROOMY, maxWaiting: 5 } })).toEqual(refused('listed', 30_000));
    await raw.del(by.key('bull:interactive:wait'), by.key('bull:bulk:wait'));
  });

  it('counts for its bytes', async () => {
    await waiting(70);
    const limits = { ...ROOMY, maxBlobBytes: 10 };
    await stats({ blobBytes: 7 });
    expect(await submit({ limits, blob: Buffer.alloc(4) })).toEqual(refused('blob_bytes', 7 * INTERVAL));
    expect(await submit({ limits, blob: Buffer.alloc(3) })).toEqual(admitted);
  });
});

describe('the memory of Redis', () => {
  it('is for bulk jobs up to four fifths of what it is for interactive ones', async () => {
    const used = Number((await raw.info('memory')).match(/used_memory:(\d+)/)![1]);
    const limit = Math.round(used / 0.8);
    await raw.config('SET', 'maxmemory', String(limit));
    try {
      await stats({ memoryUsed: used, memoryLimit: limit });
      expect((await submit({ queue: 'bulk' })).slice(0, 2)).toEqual(['full', 'memory']);
      expect(await submit()).toEqual(admitted);
      // Its image would take what is left of the nine tenths.
      expect((await submit({ blob: Buffer.alloc(Math.round(limit / 5)) })).slice(0, 2)).toEqual(['full', 'memory']);
    } finally {
      await raw.config('SET', 'maxmemory', '0');
    }
  });

  it('is for submissions up to nine tenths, as recorded and as it is now', async () => {
    await waiting(59);
    const used = Number((await raw.info('memory')).match(/used_memory:(\d+)/)![1]);
    const full = async (recorded: number, limit: number) => {
      await raw.config('SET', 'maxmemory', String(limit));
      await stats({ memoryUsed: recorded, memoryLimit: limit });
      return submit();
    };
    try {
      // Nearly nine tenths of it are used, or more than that.
      expect(await full(used, Math.round(used / 0.7))).toEqual(admitted);
      expect(await full(used, Math.round(used / 0.97))).toEqual(refused('memory', 6 * INTERVAL));
      // Room that was just freed counts at once, and a record in which there was room is believed.
      expect(await full(used * 4, used * 2)).toEqual(admitted);
      expect(await full(0, Math.round(used / 0.97))).toEqual(admitted);
      // Redis has no limit any more.
      await raw.config('SET', 'maxmemory', '0');
      await stats({ memoryUsed: used, memoryLimit: used });
      expect(await submit()).toEqual(admitted);
    } finally {
      await raw.config('SET', 'maxmemory', '0');
    }
  });
});

describe('undelivered webhooks', () => {
  const hooked = (host: string) =>
    submit({ webhookUrl: `https://${host}/`, webhookHost: host, limits: { ...ROOMY, maxResultBytes: 8000 } });

  /** Bytes of webhooks for a.example, all of the flow of `submit`. */
  async function undelivered(bytes: number): Promise<void> {
    await stats({ 'deliveryBytes:a.example': bytes, deliveryBytes: bytes });
    await raw.hset(by.key('flow-webhooks'), { 'a.example o': bytes, '* o': bytes });
  }
  /** What a worker of another release has this be. */
  const withoutShares = () => stats({ unfair: 1 });

  it('of one receiver take seven eighths of an eighth of the result bytes, if all are of one flow', async () => {
    await undelivered(875);
    expect(await hooked('a.example')).toEqual(refused('host_webhooks', 30_000));
    expect(await hooked('b.example')).toEqual(admitted);
    await undelivered(874);
    expect(await hooked('a.example')).toEqual(admitted);
  });

  it('of all receivers take seven eighths of half of them, if all are of one flow, which leaves other jobs alone', async () => {
    await undelivered(3500);
    expect(await hooked('b.example')).toEqual(refused('webhooks', 30_000));
    expect(await submit({ limits: { ...ROOMY, maxResultBytes: 8000 } })).toEqual(admitted);
    await undelivered(3499);
    expect(await hooked('b.example')).toEqual(admitted);
  });

  it('of one receiver take an eighth of the result bytes where there are no shares', async () => {
    await withoutShares();
    await undelivered(1000);
    expect(await hooked('a.example')).toEqual(refused('host_webhooks', 30_000));
    expect(await hooked('b.example')).toEqual(admitted);
    await undelivered(999);
    expect(await hooked('a.example')).toEqual(admitted);
  });

  it('of all receivers take half of them where there are no shares, which leaves other jobs alone', async () => {
    await withoutShares();
    await undelivered(4000);
    expect(await hooked('b.example')).toEqual(refused('webhooks', 30_000));
    expect(await submit({ limits: { ...ROOMY, maxResultBytes: 8000 } })).toEqual(admitted);
    await undelivered(3999);
    expect(await hooked('b.example')).toEqual(admitted);
  });
});

describe('a caller that waits', () => {
  it('is told when the jobs before it would take longer than it waits', async () => {
    await waiting(50);
    expect(await submit({ waitMs: 50 * INTERVAL })).toEqual(admitted);
    expect(await submit({ waitMs: 50 * INTERVAL - 1800 })).toEqual(refused('wait', 2000));
  });
});

describe('the wait of a caller', () => {
  it('is estimated by its own jobs, and by those of others that have a turn before', async () => {
    const of = (flow: string, waitMs: number | null = null) => submit({ flow, waitMs });
    for (let i = 0; i < 30; i++) expect(await of('flood')).toEqual(admitted);
    expect(await of('flood', 29 * INTERVAL)).toEqual(refused('wait', 1000));
    expect(await of('small', 0)).toEqual(refused('wait', 1000));
    expect(await of('small', 1 * INTERVAL)).toEqual(admitted);
    // One of its own, and two of the other's.
    expect(await of('small', 2 * INTERVAL)).toEqual(refused('wait', 1000));
    expect(await of('small', 3 * INTERVAL)).toEqual(admitted);
    // Those that workers have claimed are before it.
    await raw.zadd(by.key('waiting:interactive'), Date.now(), 'claimed', Date.now(), 'another');
    expect(await of('third', 3 * INTERVAL)).toEqual(refused('wait', 1000));
    expect(await of('third', 4 * INTERVAL)).toEqual(admitted);
  });
});

describe('a job whose image is still on its way', () => {
  const heartbeat = (id: string, fetching?: WorkerInfo['fetching'], silenceMs = WORKER_SILENCE_MS) =>
    by.scripts.run(heartbeatScript, { id, info: { id, ...(fetching && { fetching }) } as WorkerInfo, silenceMs });

  it('does not count for the wait of others, as the workers that are alive report it', async () => {
    await waiting(50);
    const admits = async (jobsBefore: number) => {
      expect(await submit({ waitMs: jobsBefore * INTERVAL - 1 })).toEqual(refused('wait', expect.any(Number)));
    };
    await heartbeat('one', { interactive: 20, bulk: 7 });
    await heartbeat('two', { interactive: 10 });
    await heartbeat('of 0.1.0');
    expect(await raw.hmget(by.key('stats'), 'fetching:interactive', 'fetching:bulk')).toEqual(['30', '7']);
    await admits(20);
    expect(await submit({ waitMs: 20 * INTERVAL })).toEqual(admitted);
    await heartbeat('two', {});
    await admits(31);
    expect(await submit({ waitMs: 31 * INTERVAL })).toEqual(admitted);
    // All others are silent for longer than that.
    await sleep(20);
    await heartbeat('three', undefined, 10);
    expect(await raw.hmget(by.key('stats'), 'fetching:interactive', 'fetching:bulk')).toEqual([null, null]);
    await admits(52);
  });

  it('counts no job twice: never fewer than none wait', async () => {
    await waiting(1);
    await heartbeat('one', { interactive: 20 });
    expect(await submit({ waitMs: 0 })).toEqual(admitted);
  });
});

describe('jobs that have waited long', () => {
  it('are none where nothing waits, or only what is to be tried again later', async () => {
    const oldest = async () => (await by.scripts.run(snapshotScript, { limits: ROOMY })).queues.interactive.oldestMs;
    expect(await oldest()).toBe(0);
    await waiting(1);
    const [id] = await raw.zrange(by.key('waiting:interactive'), 0, '-1');
    await raw.zadd(by.key('waiting:interactive'), Date.now() + 50_000, id!);
    expect(await oldest()).toBe(0);
  });

  it('prevent bulk jobs at four fifths of the time at which they prevent interactive ones', async () => {
    const limits = { ...ROOMY, maxOldestMs: 60_000 };
    const [seconds] = (await raw.time()).map(Number);
    for (const queue of ['interactive', 'bulk']) {
      await by.submit(`old ${queue}`, { queue });
      await raw.zadd(by.key(`lane:jobs:${queue}:o`), seconds! * 1000 - 50_000, `old ${queue}`);
    }
    expect((await submit({ queue: 'bulk', limits })).slice(0, 2)).toEqual(['full', 'oldest']);
    expect(await submit({ limits })).toEqual(admitted);
  });

  it('prevent others of their flow and queue for a tenth of that time', async () => {
    await waiting(1);
    const [id] = await raw.zrange(by.key('waiting:interactive'), 0, '-1');
    const [seconds] = (await raw.time()).map(Number);
    await raw.zadd(by.key('lane:jobs:interactive:o'), seconds! * 1000 - 50_000, id!);
    const [answer, reason, retryAfterMs] = await submit({ limits: { ...ROOMY, maxOldestMs: 49_000 } });
    expect([answer, reason]).toEqual(['full', 'oldest']);
    expect(retryAfterMs).toBeGreaterThanOrEqual(5000);
    expect(retryAfterMs).toBeLessThan(7000);
    const limits = { ...ROOMY, maxOldestMs: 90_000 };
    expect(await submit({ limits })).toEqual(admitted);
    expect(await by.submit('bulk', { limits: { ...ROOMY, maxOldestMs: 1000 } })).toEqual(admitted);
  });
});
