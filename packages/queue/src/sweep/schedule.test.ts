import { describe, expect, it, vi } from 'vitest';
import { snapshotScript } from '../limits/snapshot.ts';
import { openConnections } from '../redis/connections.ts';
import { LONG, ROOMY } from '../testing/rig.ts';
import { urlItem } from '../testing/script-harness.ts';
import { by, raw, redis, useScripts } from '../testing/scripts-on-redis.ts';
import { sweepDue, sweepScript } from './sweeper.ts';

const [SECOND, MINUTE, HOUR, DAY] = [1000, 60_000, 3_600_000, 86_400_000];

useScripts();

/** Unix milliseconds of Redis' clock, by which scripts schedule. */
async function now(): Promise<number> {
  const [seconds, microseconds] = (await raw.time()).map(Number);
  return seconds! * 1000 + microseconds! / 1000;
}

/** Expects that the sweep looks at an entry in `ms`, give or take what the test itself takes. */
async function expectDueIn(ms: number, name: string): Promise<void> {
  const left = Number(await raw.zscore(by.key('due'), name)) - (await now());
  expect(left, name).toBeLessThan(ms + 2 * SECOND);
  expect(left, name).toBeGreaterThan(ms - 4 * SECOND);
}

async function sweepNow(name: string): Promise<string[]> {
  await by.hurry(name);
  return by.sweep();
}

describe('a round of the sweep', () => {
  const open = () => openConnections({ url: redis.url, prefix: by.prefix, onError: () => {} }, 'worker');

  it('handles 10 000 entries that are due at most, 200 a call, and says how many', async () => {
    await using connections = await open();
    using run = vi.spyOn(connections.scripts, 'run');
    const gone = Array.from({ length: 10_100 }, (_, i) => [0, `gone-${i}`]).flat();
    await raw.zadd(by.key('due'), ...gone);
    expect(await sweepDue(connections)).toBe(10_000);
    expect(await raw.zcard(by.key('due'))).toBe(100);
    expect(run.mock.calls.map(([, values]) => values)).toEqual(Array.from({ length: 50 }, () => ({ max: 200 })));
    expect(await sweepDue(connections)).toBe(100);
    expect(run).toHaveBeenCalledTimes(51);
  });

  it('has given BullMQ what it lost, and canceled what remained of stopped batches, when it ends', async () => {
    await by.submit('j');
    await by.create('b', { open: true });
    await by.settle('b');
    await by.append('b', ['1', '2', '3'].map(urlItem), 'skip');
    await by.stop('b', 'cancel', 1);
    for (const name of ['j', 'batch-b']) await by.hurry(name);
    await using connections = await open();
    await sweepDue(connections);
    expect(await raw.exists(by.key('bull:bulk:j'))).toBe(1);
    expect(await raw.hmget(by.key('batch:b'), 'queued', 'canceled')).toEqual(['0', '3']);
  });

  it('fails when BullMQ does not take what it lost', async () => {
    await by.submit('j');
    await by.hurry('j');
    await using connections = await open();
    // A key of the wrong type: BullMQ's script stops at it.
    const meta = by.key('bull:bulk:meta');
    await raw.del(meta);
    await raw.set(meta, 'x');
    await expect(sweepDue(connections)).rejects.toThrow('WRONGTYPE');
    await raw.del(meta);
  });
});

describe('the sweep looks whether BullMQ still has', () => {
  const aged = async (id: string, ms: number) =>
    raw.hset(by.key(`job:${id}`), 'createdAt', Math.round((await now()) - ms));
  const inBullmq = (id: string, is: boolean) => {
    const key = by.key(`bull:bulk:${by.deliveryOf(id)}`);
    return is ? raw.hset(key, 'name', 'job') : raw.del(key);
  };

  it.each([
    ['that BullMQ has', true],
    ['that BullMQ has lost', false],
  ])('a job %s: after 5 s, then whenever its age has doubled, at least every 5 minutes', async (_, has) => {
    await by.submit('j', { startTimeoutMs: HOUR });
    await expectDueIn(5 * SECOND, 'j');
    await inBullmq('j', has);
    for (const [age, then] of [
      [20 * SECOND, 20 * SECOND],
      [2 * MINUTE, 2 * MINUTE],
      [20 * MINUTE, 5 * MINUTE],
    ] as const) {
      await aged('j', age);
      expect(await sweepNow('j')).toEqual(has ? [] : ['j']);
      await expectDueIn(then, 'j');
    }
  });

  it('a job that a worker has claimed before: at least once a minute', async () => {
    await by.submit('j', { startTimeoutMs: HOUR });
    await inBullmq('j', true);
    await by.claim('j');
    await aged('j', 20 * MINUTE);
    await sweepNow('j');
    await expectDueIn(MINUTE, 'j');
  });

  it('a job no later than at its deadline, when it expires', async () => {
    await by.submit('j', { startTimeoutMs: HOUR });
    await inBullmq('j', true);
    await aged('j', HOUR - 10 * SECOND);
    await raw.hset(by.key('job:j'), 'expiresAt', Math.round((await now()) + 10 * SECOND));
    await sweepNow('j');
    await expectDueIn(10 * SECOND, 'j');
    await raw.hset(by.key('job:j'), 'expiresAt', Math.round(await now()) - 1);
    await sweepNow('j');
    expect(await raw.hget(by.key('job:j'), 'status')).toBe('expired');
  });

  it('an old job 5 s after its delivery has brought another one: the worker may die before it adds the new delivery', async () => {
    await by.create('b', { open: true, flow: 'other' });
    await by.settle('b');
    await by.append('b', [urlItem('1'), urlItem('2')]);
    await by.submit('j', { startTimeoutMs: HOUR, flow: 'own' });
    const delivered = by.deliveryOf('j');
    await inBullmq('j', true);
    await aged('j', 20 * MINUTE);
    await sweepNow('j');
    await expectDueIn(5 * MINUTE, 'j');
    const { job, tokens } = await by.claim(delivered);
    expect(job?.id).not.toBe('j');
    await expectDueIn(5 * SECOND, 'j');
    expect(await sweepNow('j')).toEqual(tokens);
  });

  it('a job that was claimed, started or released: 5 s later again', async () => {
    await by.submit('j');
    for (const call of [() => by.claim('j'), () => by.start('j', 1), () => by.release('j', 1)]) {
      await by.hurry('j');
      await call();
      await expectDueIn(5 * SECOND, 'j');
    }
  });

  it('a token of a lane: every 5 s', async () => {
    await by.create('b', { open: true });
    await by.settle('b');
    const { tokens } = await by.append('b', [urlItem('1')]);
    await by.frame('f', 'c');
    for (const token of [...tokens, ...(await by.tokensOf('camera:/c'))]) {
      await expectDueIn(5 * SECOND, token);
      expect(await sweepNow(token)).toEqual([token]);
      await expectDueIn(5 * SECOND, token);
    }
  });
});

describe('what BullMQ has lost', () => {
  const bull = (queue: string, id: string) => raw.hset(by.key(`bull:${queue}:${by.deliveryOf(id)}`), 'name', id);

  it('is what waits or was claimed, is not locked and not in BullMQ', async () => {
    for (const id of ['lost', 'known', 'locked', 'claimed']) await by.submit(id);
    await bull('bulk', 'known');
    await by.lock('bulk', 'locked', 'of its worker');
    await by.claim('claimed');
    for (const id of ['lost', 'known', 'locked', 'claimed']) await by.hurry(id);
    expect((await by.sweep()).sort()).toEqual(['claimed', 'lost'].map((id) => by.deliveryOf(id)).sort());
  });

  it('is a token that nobody has used, and the token of a claimed item or frame instead of its id', async () => {
    await by.create('b', { open: true });
    await by.settle('b');
    const { tokens } = await by.append('b', [urlItem(null), urlItem(null), urlItem(null)]);
    const [, , , ofCamera] = (await by.frame('f', 'gate', { keep: 'all' })) as [string, number, number, string];
    await by.frame('waits', 'gate', { keep: 'all' });
    const claimed = (await by.claim(tokens[0]!)).job!;
    const [another] = (await by.claim(ofCamera)).tokens;
    await bull('bulk', tokens[1]!);
    // A frame that waits in its lane is found by the token of the lane.
    for (const name of [...tokens.slice(1), another!, claimed.id, 'f', 'waits']) await by.hurry(name);
    expect((await by.sweep()).sort()).toEqual([tokens[0], tokens[2], ofCamera, another].sort());
  });

  it('is no claim of a worker that lives: it keeps its job', async () => {
    await by.submit('j');
    await by.lock('bulk', 'j', 'of its worker');
    await by.claim('j');
    await by.start('j', 1);
    expect(await sweepNow('j')).toEqual([]);
    expect(await raw.hget(by.key('job:j'), 'status')).toBe('processing');
    await by.lock('bulk', 'j', '');
    expect(await sweepNow('j')).toEqual(['j']);
    expect(await raw.hget(by.key('job:j'), 'status')).toBe('queued');
  });
});

describe('an entry of something that does not exist', () => {
  it('is dropped, whatever it is of', async () => {
    await by.submit('j');
    for (const name of ['nobody', 'batch-nobody', 'camera-nobody', 'turn-9']) await raw.zadd(by.key('due'), 1, name);
    expect(await by.sweep()).toEqual([]);
    expect(await raw.zrange(by.key('due'), 0, '-1')).toEqual(['j']);
    expect((await raw.keys(by.key('*nobody*'))).length).toBe(0);
  });
});

describe('a job', () => {
  const dueAt = async () => Number(await raw.zscore(by.key('due'), 'j'));
  const times = async () =>
    (await raw.hmget(by.key('job:j'), 'createdAt', 'startWithin', 'expiresAt', 'finishedAt')).map(Number);

  it('is looked at by its deadline to start, which means nothing once it has started', async () => {
    await by.submit('j', { startTimeoutMs: 2 * SECOND });
    const [createdAt, timeout, expiresAt] = await times();
    expect([timeout, expiresAt]).toEqual([2 * SECOND, createdAt! + 2 * SECOND]);
    expect(await dueAt()).toBe(expiresAt);
    await by.claim('j');
    expect(await dueAt()).toBe(expiresAt);
    await by.start('j', 1);
    expect(await dueAt()).toBeGreaterThan(expiresAt!);
    await expectDueIn(5 * SECOND, 'j');
  });

  it('that is to be tried again later has its whole time to start from then on', async () => {
    await by.submit('j', { startTimeoutMs: MINUTE });
    await by.claim('j');
    await by.start('j', 1);
    await by.release('j', 1, false, HOUR);
    const waitsSince = Number(await raw.zscore(by.key('waiting:bulk'), 'j'));
    expect(waitsSince - (await now())).toBeGreaterThan(HOUR - MINUTE);
    expect(waitsSince - (await now())).toBeLessThanOrEqual(HOUR);
    const [, , expiresAt] = await times();
    expect(expiresAt).toBe(waitsSince + MINUTE);
  });

  it('that is a frame keeps its deadline when it is to be tried again', async () => {
    const [, , deadline, token] = (await by.frame('j', 'c')) as [string, number, number, string];
    await by.claim(token);
    await by.start('j', 1);
    await by.release('j', 1, false, HOUR);
    expect(await times()).toMatchObject({ 2: deadline });
  });

  it('whose worker died has its whole time to start again, at once', async () => {
    for (const how of ['swept', 'claimed'] as const) {
      await by.submit('j', { startTimeoutMs: MINUTE });
      await by.claim('j');
      await by.start('j', 1);
      await raw.hset(by.key('job:j'), 'expiresAt', 1);
      if (how === 'swept') await sweepNow('j');
      else {
        await by.lock('bulk', 'j', 'of another');
        await by.claim('j');
        await by.lock('bulk', 'j', '');
      }
      const waitsSince = Number(await raw.zscore(by.key('waiting:bulk'), 'j'));
      expect(waitsSince, how).toBeLessThanOrEqual(await now());
      expect((await times())[2], how).toBe(waitsSince + MINUTE);
      await by.erase('j', 'o');
    }
  });

  it.each(['canceled', 'finished'] as const)('that was %s is erased when its time is over', async (how) => {
    await by.submit('j', { resultTtlMs: HOUR });
    await by.claim('j');
    await (how === 'canceled' ? by.cancel('j') : by.finish('j', 1));
    const [, , expiresAt, finishedAt] = await times();
    expect(expiresAt).toBe(finishedAt! + HOUR);
    expect(await dueAt()).toBe(expiresAt);
    await sweepNow('j');
    expect(await raw.exists(by.key('job:j'))).toBe(0);
  });
});

describe('a batch', () => {
  const silentFor = async (ms: number) => raw.hset(by.key('batch:b'), 'lastAppend', Math.round((await now()) - ms));

  it('whose gateway is silent for a minute before it has settled it is erased, not earlier', async () => {
    await by.create('b');
    await by.append('b', [urlItem('1')]);
    await expectDueIn(MINUTE, 'batch-b');
    await silentFor(55 * SECOND);
    await sweepNow('batch-b');
    expect(await raw.hget(by.key('batch:b'), 'state')).toBe('building');
    await expectDueIn(5 * SECOND, 'batch-b');
    await silentFor(MINUTE + SECOND);
    await sweepNow('batch-b');
    expect(await raw.exists(by.key('batch:b'))).toBe(0);
  });

  it('that is open is closed when nobody has appended for an hour, not earlier', async () => {
    await by.create('b', { open: true });
    await by.settle('b');
    await by.append('b', [urlItem('1')], 'skip');
    await silentFor(HOUR - 5 * SECOND);
    await sweepNow('batch-b');
    expect(await raw.hget(by.key('batch:b'), 'state')).toBe('open');
    await expectDueIn(5 * SECOND, 'batch-b');
    await silentFor(HOUR + SECOND);
    await sweepNow('batch-b');
    expect(await raw.hget(by.key('batch:b'), 'state')).toBe('running');
    await expectDueIn(HOUR, 'batch-b');
  });

  it('that is open and empty has ended when it is closed, and is kept for its time', async () => {
    await by.create('b', { open: true });
    await by.settle('b');
    await silentFor(HOUR + SECOND);
    await sweepNow('batch-b');
    expect(await raw.hget(by.key('batch:b'), 'state')).toBe('finished');
    await expectDueIn(LONG, 'batch-b');
  });

  it('whose remaining items the sweep hands out is looked at again after 5 s', async () => {
    await by.create('b', { open: true });
    await by.append('b', ['1', '2', '3'].map(urlItem));
    await by.stop('b', 'cancel', 1);
    await by.create('abandoned');
    await raw.hset(by.key('batch:abandoned'), 'lastAppend', 1);
    for (const id of ['b', 'abandoned']) await by.hurry(`batch-${id}`);
    const { handled, lost, stoppedBatches } = await by.scripts.run(sweepScript, { max: 1000 });
    expect([handled, lost, stoppedBatches.sort()]).toEqual([2, [], ['abandoned', 'b']]);
    for (const id of ['b', 'abandoned']) await expectDueIn(5 * SECOND, `batch-${id}`);
  });

  it('has its minute or hour again after each append', async () => {
    // Each time as if the sweep were about to look.
    const append = async (duplicates: 'skip' | 'fail', name: string) => {
      await by.hurry('batch-b');
      return (await by.append('b', [urlItem(name)], duplicates)).counts;
    };
    await by.create('b', { open: true });
    await silentFor(50 * SECOND);
    await append('fail', '1');
    await expectDueIn(MINUTE, 'batch-b');
    await by.settle('b');
    await expectDueIn(HOUR, 'batch-b');
    await silentFor(HOUR - MINUTE);
    await append('fail', '2');
    await expectDueIn(HOUR, 'batch-b');
    // A repeat shows that its caller lives, too.
    await silentFor(HOUR - MINUTE);
    expect(await append('skip', '2')).toEqual([0, 1, 0]);
    await expectDueIn(HOUR, 'batch-b');
  });

  it('has its hour from the moment it is open, however long it was filled', async () => {
    await by.create('b', { open: true });
    await silentFor(50 * SECOND);
    await by.settle('b');
    await sweepNow('batch-b');
    await expectDueIn(HOUR, 'batch-b');
  });

  it('that runs is looked at within the hour, and one that has ended when its time is over', async () => {
    for (const [id, given] of [
      ['running', [urlItem('1')]],
      ['ended', []],
    ] as const) {
      for (const open of [false, true]) {
        await by.create(`${id}${open}`, { open });
        await by.append(`${id}${open}`, [...given]);
        await by.hurry(`batch-${id}${open}`);
        await by.settle(`${id}${open}`);
        if (open) await by.hurry(`batch-${id}${open}`);
        await by.close(`${id}${open}`);
        await expectDueIn(id === 'running' ? HOUR : LONG, `batch-${id}${open}`);
      }
    }
    const [ended, expiresAt] = await raw.hmget(by.key('batch:endedtrue'), 'finishedAt', 'expiresAt');
    expect(Number(expiresAt)).toBe(Number(ended) + LONG);
    await raw.hset(by.key('batch:endedtrue'), 'expiresAt', Math.round((await now()) + MINUTE));
    await sweepNow('batch-endedtrue');
    expect(await raw.exists(by.key('batch:endedtrue'))).toBe(1);
    await raw.hset(by.key('batch:endedtrue'), 'expiresAt', 1);
    await sweepNow('batch-endedtrue');
    expect(await raw.exists(by.key('batch:endedtrue'))).toBe(0);
  });

  it.each(['cancel', 'erase'] as const)('whose %s was interrupted is continued after 5 s', async (how) => {
    await by.create('b', { open: true });
    await by.settle('b');
    await by.append('b', ['1', '2', '3', '4', '5', '6'].map(urlItem), 'skip');
    expect(await by.stop('b', how, 1)).toMatchObject({ more: true });
    await expectDueIn(5 * SECOND, 'batch-b');
    expect(await by.cancelRemaining('b', 1)).toBe(true);
    await expectDueIn(5 * SECOND, 'batch-b');
  });

  it('has a week to start an item once its turn has come', async () => {
    await by.create('b', { open: true });
    await by.settle('b');
    const { tokens } = await by.append('b', [urlItem('1')], 'skip');
    const { job } = await by.claim(tokens[0]!);
    const left = Number(await raw.hget(by.key(`job:${job!.id}`), 'expiresAt')) - (await now());
    expect(left).toBeGreaterThan(7 * DAY - MINUTE);
    expect(left).toBeLessThanOrEqual(7 * DAY);
  });
});

describe('a camera', () => {
  const silentFor = async (ms: number) => raw.hset(by.key('camera:/c'), 'lastFrameAt', Math.round((await now()) - ms));

  it('is forgotten when it has posted nothing for a day, not earlier', async () => {
    await by.frame('f', 'c');
    await expectDueIn(DAY, 'camera-/c');
    const [token] = await by.tokensOf('camera:/c');
    const { job } = await by.claim(token!);
    await by.finish(job!.id, job!.attempt);
    await silentFor(DAY - 2 * MINUTE);
    await sweepNow('camera-/c');
    expect(await raw.exists(by.key('camera:/c'))).toBe(1);
    await expectDueIn(2 * MINUTE, 'camera-/c');
    await silentFor(DAY + SECOND);
    await sweepNow('camera-/c');
    expect(await raw.exists(by.key('camera:/c'))).toBe(0);
  });

  it.each(['a frame at work', 'a token on its way'] as const)('that has %s after a day is kept', async (what) => {
    const [, , , token] = (await by.frame('f', 'c')) as [string, number, number, string];
    if (what === 'a frame at work') {
      await by.claim(token);
      await by.start('f', 1);
    } else await by.cancel('f');
    expect((await raw.hmget(by.key('camera:/c'), 'waiting', 'processing', 'turns')).map(Number)).toEqual(
      what === 'a frame at work' ? [0, 1, 0] : [0, 0, 1],
    );
    await silentFor(DAY + SECOND);
    await sweepNow('camera-/c');
    expect(await raw.exists(by.key('camera:/c'))).toBe(1);
    await expectDueIn(MINUTE, 'camera-/c');
  });

  it('that still has a frame after a day is looked at again after a minute', async () => {
    await by.frame('f', 'c');
    await silentFor(DAY + SECOND);
    await sweepNow('camera-/c');
    expect(await raw.exists(by.key('camera:/c'))).toBe(1);
    await expectDueIn(MINUTE, 'camera-/c');
  });
});

describe('the throughput of a queue', () => {
  /** Runs jobs that wait for a worker already. */
  async function run(...ids: string[]): Promise<void> {
    for (const id of ids) {
      const { job } = await by.claim(id);
      await by.start(id, job!.attempt);
      await by.finish(id, job!.attempt);
    }
  }

  it('is a mean over about half a minute: thirty ends just now are two a second', async () => {
    const ids = Array.from({ length: 31 }, (_, i) => `j${i}`);
    for (const id of ids) await by.submit(id);
    await run(...ids.slice(0, 30));
    const { queues } = await by.scripts.run(snapshotScript, { limits: ROOMY });
    expect(queues.bulk.throughput).toBeGreaterThan(1);
    expect(queues.bulk.throughput).toBeLessThanOrEqual(2);
  });

  it('counts a pause of minutes between two ends as 10 s', async () => {
    for (const id of ['a', 'b', 'c']) await by.submit(id);
    await run('a');
    await raw.hset(by.key('stats'), 'mark:bulk', Math.round((await now()) - 5 * MINUTE));
    await run('b');
    const { queues } = await by.scripts.run(snapshotScript, { limits: ROOMY });
    expect(queues.bulk.gapMs).toBe(10_000);
  });
});
