/** Leases of tasks as two workers have them, on connections of their own. Nothing sweeps, so what changes was changed by a call. */
import { randomUUID } from 'node:crypto';
import { audit } from '@facequeue/audit';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { openConnections } from '../redis/connections.ts';
import { items } from '../testing/batches.ts';
import { dump } from '../testing/dump.ts';
import { LONG, ROOMY } from '../testing/rig.ts';
import { badItem, ScriptHarness } from '../testing/script-harness.ts';
import type { BatchTask } from './batch.ts';
import { BatchTasks, endTaskScript } from './tasks.ts';

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

/** A batch `b` with a task that is due, and the tasks of two workers. */
async function scene(kind: BatchTask['kind'], limits = ROOMY) {
  const stack = new AsyncDisposableStack();
  const by = new ScriptHarness(raw, `{fq-${randomUUID()}}`);
  const tasksOfWorker = async () => {
    const options = { url: redis.url, prefix: by.prefix, onError: () => {} };
    const connections = stack.use(await openConnections(options, 'worker'));
    return { connections, tasks: new BatchTasks(connections, limits) };
  };
  const [{ tasks: one, connections }, { tasks: two }] = [await tasksOfWorker(), await tasksOfWorker()];
  await by.create('b', { listing: kind === 'list', output: kind === 'write' });
  if (kind === 'write') await by.append('b', [badItem('bad')]);
  await by.settle('b');
  return {
    by,
    one,
    two,
    /** Of `one`. */
    connections,
    /** As if all leases had lasted their time. */
    endLeases: () => raw.zadd(by.key('tasks'), 'XX', 1, `${kind} b`),
    batch: () => raw.hgetall(by.key('batch:b')),
    sound: async () => expect((await audit(redis.url, by.prefix)).findings).toEqual([]),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

const ERROR = { code: 'source_forbidden', detail: 'the storage refuses' } as const;

/** All that a worker can do with its lease. */
const CALLS: Record<string, (tasks: BatchTasks, task: BatchTask) => Promise<boolean>> = {
  extend: (tasks, task) => tasks.extend(task, 2 * LONG),
  save: (tasks, task) => tasks.save(task, 'of the loser', 2 * LONG),
  append: (tasks, task) => tasks.append(task, items(2), 'of the loser', 2 * LONG),
  release: (tasks, task) => tasks.release(task, 0),
  fail: (tasks, task) => tasks.finish(task, ERROR),
  finish: (tasks, task) => tasks.finish(task, null),
};
const callsOf = (kind: BatchTask['kind']) =>
  Object.entries(CALLS).filter(([name]) => kind === 'list' || name !== 'append');

type Scene = Awaited<ReturnType<typeof scene>>;

/** How a worker loses its lease. */
const LOSSES: Record<string, (here: Scene, task: BatchTask) => Promise<void>> = {
  'another worker has leased it since': async ({ two, endLeases }) => {
    await endLeases();
    expect(await two.lease(LONG)).toMatchObject({ lease: 2 });
  },
  'another worker has released it since': async ({ two, endLeases }) => {
    await endLeases();
    expect(await two.release((await two.lease(LONG))!, LONG)).toBe(true);
  },
  'another worker has finished it': async ({ two, endLeases }) => {
    await endLeases();
    expect(await two.finish((await two.lease(LONG))!, null)).toBe(true);
  },
  'it has released the task itself': async ({ one }, task) => {
    expect(await one.release(task, 0)).toBe(true);
  },
  'it has finished the task itself': async ({ one }, task) => {
    expect(await one.finish(task, null)).toBe(true);
  },
  'the batch was canceled': async ({ by }) => void (await by.stop('b', 'cancel')),
  'the batch was erased': async ({ by }) => void (await by.stop('b', 'erase')),
};

describe.each(['list', 'write'] as const)('the lease of a task to %s', (kind) => {
  it.each(Object.keys(LOSSES))('is refused to its worker, which can write nothing, once %s', async (how) => {
    await using here = await scene(kind);
    const task = (await here.one.lease(LONG))!;
    await LOSSES[how]!(here, task);
    const before = await dump(raw, here.by.prefix);
    for (const [name, call] of callsOf(kind)) {
      expect(await call(here.one, task), name).toBe(false);
      expect(await dump(raw, here.by.prefix), name).toEqual(before);
    }
    await here.sound();
  });

  it.each(callsOf(kind).map(([name]) => name))(
    'that has lasted its time still serves its worker to %s while nobody else has leased the task',
    async (name) => {
      await using here = await scene(kind);
      const task = (await here.one.lease(LONG))!;
      await here.endLeases();
      expect(await CALLS[name]!(here.one, task)).toBe(true);
      // Only a release gives it away.
      expect((await here.two.lease(LONG)) !== null).toBe(name === 'release');
      await here.sound();
    },
  );

  it('lasts as long as it was asked for, from its beginning and from each extension', async () => {
    await using here = await scene(kind);
    const endsIn = async () => {
      const [seconds] = await raw.time();
      return Number(await raw.zscore(here.by.key('tasks'), `${kind} b`)) - Number(seconds) * 1000;
    };
    const about = async (ms: number) => {
      const left = await endsIn();
      expect(left).toBeGreaterThan(ms - 10_000);
      expect(left).toBeLessThan(ms + 2000);
    };
    const task = (await here.one.lease(100_000))!;
    await about(100_000);
    await here.one.extend(task, 200_000);
    await about(200_000);
    await here.one.save(task, 'half', 300_000);
    await about(300_000);
    if (kind === 'list') {
      await here.one.append(task, items(1), 'more', 400_000);
      await about(400_000);
    }
    await here.one.release(task, 500_000);
    await about(500_000);
  });

  it('tells the next worker what was saved last, and how often nothing was', async () => {
    await using here = await scene(kind);
    const leases: [lease: number, tries: number, state: string][] = [];
    const next = async () => {
      const task = (await here.one.lease(LONG))!;
      leases.push([task.lease, task.tries, task.state]);
      return task;
    };
    await next();
    await here.endLeases();
    const second = await next();
    await here.one.extend(second, LONG);
    await here.one.release(second, 0);
    const third = await next();
    await here.one.save(third, 'half', LONG);
    await here.one.release(third, 0);
    await next();
    await here.endLeases();
    await next();
    // A release takes a number, too, so that a repeat of it is refused.
    expect(leases).toEqual([
      [1, 1, ''],
      [2, 2, ''],
      [4, 3, ''],
      [6, 1, 'half'],
      [7, 2, 'half'],
    ]);
  });
});

describe('the state of a task', () => {
  it.each(['list', 'write'] as const)('to %s says whether a worker has it, and how it ended', async (kind) => {
    for (const error of [null, ERROR]) {
      await using here = await scene(kind);
      const state = async () => {
        const batch = await here.batch();
        return [batch[`${kind}Status`], batch[`${kind}Code`] ?? '', batch[`${kind}Detail`] ?? ''];
      };
      expect(await state()).toEqual(['waiting', '', '']);
      await here.one.lease(LONG);
      expect(await state()).toEqual(['running', '', '']);
      await here.endLeases();
      await here.one.release((await here.one.lease(LONG))!, 0);
      expect(await state()).toEqual(['waiting', '', '']);
      await here.one.finish((await here.one.lease(LONG))!, error);
      expect(await state()).toEqual(error ? ['failed', error.code, error.detail] : ['done', '', '']);
      expect(await here.batch()).toMatchObject({ state: 'finished' });
      await here.sound();
    }
  });

  it('is failed, as canceled, for those that a cancel finds undone, and for no other', async () => {
    const by = new ScriptHarness(raw, `{fq-${randomUUID()}}`);
    const end = (id: string, how: string) =>
      by.scripts.run(endTaskScript, { kind: 'list', id, lease: 1, how, delayMs: 0, errorCode: 'x', errorDetail: 'y' });
    const canceled = ['failed', 'canceled', 'the batch was canceled'];
    const undone = [null, null, null];
    for (const [id, listing, output, listed, written] of [
      ['neither', false, false, undone, undone],
      ['both', true, true, canceled, canceled],
      ['done', true, true, ['done', null, null], canceled],
      ['failed', true, false, ['failed', 'x', 'y'], undone],
    ] as const) {
      await by.create(id, { open: true, listing, output });
      await by.settle(id);
      if (listing) await by.leaseTask();
      if (id === 'done' || id === 'failed') expect(await end(id, id)).toBe(true);
      await by.stop(id, 'cancel');
      const state = (kind: string) => raw.hmget(by.key(`batch:${id}`), `${kind}Status`, `${kind}Code`, `${kind}Detail`);
      expect([await state('list'), await state('write')], id).toEqual([listed, written]);
      expect(await raw.hget(by.key(`batch:${id}`), 'state')).toBe('canceled');
    }
    expect(await by.leaseTask()).toBeNull();
  });
});

describe('a batch with a listing', () => {
  it('stays open when the listing is done, if it was open, and may then be closed', async () => {
    const by = new ScriptHarness(raw, `{fq-${randomUUID()}}`);
    await by.create('b', { open: true, listing: true });
    await by.settle('b');
    await by.leaseTask();
    expect(await by.endListing('b')).toBe(true);
    expect(await raw.hmget(by.key('batch:b'), 'state', 'closedAt')).toEqual(['open', null]);
    await by.close('b');
    expect(await raw.hget(by.key('batch:b'), 'state')).toBe('finished');
  });

  it('that is closed ends with its listing, done or failed', async () => {
    for (const error of [null, ERROR]) {
      await using here = await scene('list');
      await here.by.create('open', { open: true, listing: true });
      await here.by.settle('open');
      await here.by.close('open');
      const state = () => raw.hmget(here.by.key('batch:open'), 'state', 'closedAt');
      expect(await state()).toEqual(['running', null]);
      await here.one.lease(LONG);
      await here.one.finish((await here.one.lease(LONG))!, error);
      expect(await state()).toEqual(['finished', expect.any(String)]);
      await here.sound();
    }
  });

  it('keeps the names of its items until the listing ends: a page that comes again is skipped', async () => {
    await using here = await scene('list');
    const task = (await here.one.lease(LONG))!;
    await here.one.append(task, items(2), 'page 2', LONG);
    expect(await raw.scard(here.by.key('names:b'))).toBe(2);
    await here.one.append(task, items(3), 'page 2', LONG);
    expect(await here.batch()).toMatchObject({ total: '3' });
    await here.one.finish(task, null);
    expect(await raw.exists(here.by.key('names:b'))).toBe(0);
    await here.sound();
  });
});

describe('a task of a batch that no longer exists', () => {
  it('is forgotten, and the next one leased', async () => {
    const by = new ScriptHarness(raw, `{fq-${randomUUID()}}`);
    await by.create('b', { listing: true });
    await by.settle('b');
    await raw.zadd(by.key('tasks'), 1, 'list nobody', 2, 'write nobody');
    expect(await by.leaseTask()).toEqual(['list', 'b', 1, 1, '']);
    expect(await raw.zrange(by.key('tasks'), 0, '-1')).toEqual(['list b']);
    expect(await raw.exists(by.key('batch:nobody'))).toBe(0);
  });
});

describe('a task whose batch is erased while it is leased', () => {
  it('is left, and the next one leased', async () => {
    await using here = await scene('list');
    const { redis: own } = here.connections;
    const hgetall = own.hgetallBuffer.bind(own);
    // The lease is given by then, and the batch is about to be read.
    vi.spyOn(own, 'hgetallBuffer').mockImplementationOnce(async (key) => {
      await here.by.stop('b', 'erase');
      await here.by.create('next', { listing: true });
      await here.by.settle('next');
      return hgetall(key);
    });
    expect(await here.one.lease(LONG)).toMatchObject({ kind: 'list', batch: { id: 'next' }, lease: 1 });
    expect(await here.one.lease(LONG)).toBeNull();
  });
});

describe('an append of a listing', () => {
  it('counts as progress: the tries of the next lease begin anew', async () => {
    await using here = await scene('list');
    await here.one.lease(LONG);
    await here.endLeases();
    const second = (await here.one.lease(LONG))!;
    expect(second.tries).toBe(2);
    await here.one.append(second, items(1), 'page 2', LONG);
    await here.endLeases();
    expect(await here.one.lease(LONG)).toMatchObject({ tries: 1, state: 'page 2' });
  });

  it('without room writes nothing, and the worker keeps its lease', async () => {
    await using here = await scene('list', { ...ROOMY, maxWaiting: 12 });
    const task = (await here.one.lease(LONG))!;
    expect(await here.one.append(task, items(5), 'page 2', LONG)).toBe(true);
    const before = await dump(raw, here.by.prefix);
    await expect(here.one.append(task, items(4, 5), 'page 3', LONG)).rejects.toMatchObject({ code: 'queue_full' });
    expect(await dump(raw, here.by.prefix)).toEqual(before);
    expect(await here.one.append(task, items(3, 5), 'page 3', LONG)).toBe(true);
    expect(await here.batch()).toMatchObject({ total: '8', listState: 'page 3' });
  });

  it('repeated in a queue that has become full since is confirmed, and changes no item', async () => {
    await using here = await scene('list', { ...ROOMY, maxWaiting: 12 });
    const task = (await here.one.lease(LONG))!;
    expect(await here.one.append(task, items(8), 'page 2', LONG)).toBe(true);
    // Interactive jobs may fill what bulk jobs leave.
    for (const id of ['i1', 'i2', 'i3', 'i4']) await here.by.submit(id, { queue: 'interactive' });
    expect(await here.one.append(task, items(8), 'page 2', LONG)).toBe(true);
    expect(await here.batch()).toMatchObject({ total: '8', queued: '8', listState: 'page 2' });
    await here.sound();
  });

  it('fails when its tokens do not get into BullMQ, and can then be repeated', async () => {
    await using here = await scene('list');
    const task = (await here.one.lease(LONG))!;
    // A key of the wrong type: BullMQ's script stops at it, ours has run by then.
    const meta = here.by.key('bull:bulk:meta');
    await raw.del(meta);
    await raw.set(meta, 'x');
    await expect(here.one.append(task, items(2), 'page 2', LONG)).rejects.toThrow('WRONGTYPE');
    await raw.del(meta);
    expect(await here.one.append(task, items(2), 'page 2', LONG)).toBe(true);
    expect(await here.batch()).toMatchObject({ total: '2', listState: 'page 2' });
  });
});
