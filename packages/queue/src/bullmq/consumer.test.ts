import { fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { audit } from '@facequeue/audit';
import { type Command, Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { ActiveJobs } from '../job/active-jobs.ts';
import { openConnection } from '../redis/connection.ts';
import { job, LONG, Rig, succeeded } from '../testing/rig.ts';
import type { WorkerQueue } from '../worker-queue.ts';
import { type ConsumerContext, type JobHandler, type Place, startConsumer } from './consumer.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

async function finish(worker: WorkerQueue, id: string) {
  const claimed = await worker.claim(id, 'w');
  if (claimed && (await worker.start(claimed.id, claimed.attempt)))
    await worker.finish(claimed.id, claimed.attempt, succeeded());
}

describe('a worker that dies', () => {
  it('loses nothing: another has run its jobs 5 to 7 s later, and each ends once', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const doomed = fork(fileURLToPath(new URL('../testing/worker-process.ts', import.meta.url)), [rig.url, rig.prefix]);
    await once(doomed, 'message');
    const jobs = Array.from({ length: 5 }, () => job());
    const waits = jobs.map((each) => gateway.wait(each.id));
    const taken = new Set<unknown>();
    const all = new Promise<void>((resolve) => {
      doomed.on('message', (id) => {
        if (taken.add(id).size === jobs.length) resolve();
      });
    });
    for (const each of jobs) await gateway.submit(each);
    await all;
    const raw = new Redis(redis.url);
    // As jobs that have already lost many workers: BullMQ counts that, and has no say in it.
    for (const { id } of jobs) await raw.hset(`${rig.prefix}:bull:interactive:${id}`, 'stc', 100);
    doomed.kill('SIGKILL');
    const killed = performance.now();
    await rig.finishing();
    const records = await Promise.all(waits.map((wait) => wait.ended(LONG)));
    expect(performance.now() - killed).toBeLessThan(18_000);
    for (const record of records) expect(record).toMatchObject({ status: 'succeeded', attempts: 2 });
    expect((await audit(rig.url, rig.prefix)).findings).toEqual([]);
    const events = await raw.xrange(`${rig.prefix}:bull:interactive:events`, '-', '+');
    const kinds = new Set(events.map(([, fields]) => fields[fields.indexOf('event') + 1]));
    expect([kinds.has('stalled'), kinds.has('failed')]).toEqual([true, false]);
    raw.disconnect();
  });
});

describe('a worker that was too slow to keep its lock', () => {
  it('is notified, and its outcome is discarded', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const worker = await rig.worker();
    const taken = Promise.withResolvers<void>();
    const late = Promise.withResolvers<boolean>();
    const reasons: unknown[] = [];
    await worker.consume('interactive', { concurrency: 2 }, async (id, signal) => {
      const claimed = (await worker.claim(id, 'w'))!;
      if (claimed.attempt === 2) return void (await worker.finish(id, 2, succeeded(Buffer.from('second'))));
      taken.resolve();
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      reasons.push(signal.reason);
      using second = gateway.wait(id);
      await second.ended(LONG);
      late.resolve(await worker.finish(id, 1, succeeded(Buffer.from('first'))));
    });
    const given = job();
    using wait = gateway.wait(given.id);
    await gateway.submit(given);
    await taken.promise;
    const raw = new Redis(redis.url);
    await raw.del(`${rig.prefix}:bull:interactive:${given.id}:lock`);
    raw.disconnect();
    expect(await wait.ended(LONG)).toMatchObject({ status: 'succeeded', attempts: 2, result: Buffer.from('second') });
    expect(await late.promise).toBe(false);
    expect(reasons).toMatchObject([{ name: 'JobAborted', reason: 'lock_lost' }]);
  });
});

describe('a handler', () => {
  it('has a lock of 5 s on its job, which is renewed', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const worker = await rig.worker();
    const running = Promise.withResolvers<void>();
    // Disposed before the rig, whose worker waits for its handler: a failure shows as itself and not as a time-out.
    using _end = { [Symbol.dispose]: running.resolve };
    await worker.consume('interactive', { concurrency: 1 }, () => running.promise);
    const given = job();
    await gateway.submit(given);
    const raw = new Redis(redis.url);
    const left = () => raw.pttl(`${rig.prefix}:bull:interactive:${given.id}:lock`);
    await expect.poll(left).toBeGreaterThan(4000);
    expect(await left()).toBeLessThanOrEqual(5000);
    await expect.poll(left, { timeout: 20_000, interval: 20 }).toBeLessThan(3000);
    await expect.poll(left, { timeout: 20_000, interval: 20 }).toBeGreaterThan(4000);
    raw.disconnect();
  });

  it('that throws gets its job again after a quarter to half a second', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const worker = await rig.worker();
    const tries: number[] = [];
    const times: number[] = [];
    await worker.consume('bulk', { concurrency: 1 }, async (id) => {
      const claimed = (await worker.claim(id, 'w'))!;
      tries.push(claimed.attempt);
      times.push(performance.now());
      if (claimed.attempt === 1) throw new Error('no engine');
      await worker.finish(claimed.id, claimed.attempt, succeeded());
    });
    const given = job({ queue: 'bulk' });
    using wait = gateway.wait(given.id);
    await gateway.submit(given);
    expect(await wait.ended(LONG)).toMatchObject({ status: 'succeeded', attempts: 2 });
    expect(tries).toEqual([1, 2]);
    expect(times[1]! - times[0]!).toBeGreaterThan(240);
    // BullMQ alone would notice after 5 s.
    expect(times[1]! - times[0]!).toBeLessThan(4800);
    expect(rig.errors.map((error) => error.message)).toContain('no engine');
  });

  it('that throws before it claims gets its job again after a second', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const worker = await rig.worker();
    const times: number[] = [];
    await worker.consume('interactive', { concurrency: 1 }, async (id) => {
      if (times.push(performance.now()) === 1) throw new Error('too early');
      await finish(worker, id);
    });
    const given = job();
    using wait = gateway.wait(given.id);
    await gateway.submit(given);
    expect(await wait.ended(LONG)).toMatchObject({ status: 'succeeded', attempts: 1 });
    expect(times[1]! - times[0]!).toBeGreaterThan(900);
    expect(times[1]! - times[0]!).toBeLessThan(4900);
  });

  it.each([0, 200])('that releases its job for %i ms gets it again, not earlier', async (delay) => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const worker = await rig.worker();
    let released = 0;
    let again = 0;
    let between: string | undefined;
    await worker.consume('interactive', { concurrency: 1 }, async (id) => {
      const claimed = (await worker.claim(id, 'w'))!;
      if (claimed.attempt === 1) {
        released = Date.now();
        await worker.release(claimed.id, claimed.attempt, delay);
        between = (await gateway.read(id))?.status;
        return;
      }
      again = Date.now();
      await worker.finish(claimed.id, claimed.attempt, succeeded());
    });
    const given = job();
    using wait = gateway.wait(given.id);
    await gateway.submit(given);
    expect(await wait.ended(LONG)).toMatchObject({ status: 'succeeded', attempts: 2 });
    expect(between).toBe('queued');
    expect(again - released).toBeGreaterThanOrEqual(delay);
    expect(again - released).toBeLessThan(delay + 4800);
  });

  it('is notified that its job was canceled, by signal and by listener, and only of its own jobs', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const [worker, idle] = [await rig.worker(), await rig.worker()];
    const heard: string[] = [];
    const elsewhere: string[] = [];
    worker.onCancel((id) => heard.push(id));
    idle.onCancel((id) => elsewhere.push(id));
    const begun = Promise.withResolvers<void>();
    const aborted = Promise.withResolvers<unknown>();
    await worker.consume('interactive', { concurrency: 1 }, async (id, signal) => {
      await worker.claim(id, 'w');
      signal.addEventListener('abort', () => aborted.resolve(signal.reason));
      begun.resolve();
      await aborted.promise;
    });
    const given = job();
    await gateway.submit(given);
    await begun.promise;
    expect(await gateway.cancel(given.id)).toMatchObject({ status: 'canceled', error: { code: 'canceled' } });
    expect(await aborted.promise).toMatchObject({ name: 'JobAborted', reason: 'canceled' });
    expect(heard).toEqual([given.id]);
    expect(elsewhere).toEqual([]);
  });

  it('that releases a job that was canceled does not get it again', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const worker = await rig.worker();
    const taken: string[] = [];
    const released: boolean[] = [];
    await worker.consume('interactive', { concurrency: 1 }, async (id) => {
      const claimed = (await worker.claim(id, 'w'))!;
      taken.push(claimed.id);
      if (claimed.id !== canceled.id) return void (await worker.finish(claimed.id, claimed.attempt, succeeded()));
      await gateway.cancel(claimed.id);
      released.push(await worker.release(claimed.id, claimed.attempt, 0));
    });
    const [canceled, next] = [job(), job()];
    using wait = gateway.wait(next.id);
    await gateway.submit(canceled);
    await gateway.submit(next);
    expect(await wait.ended(LONG)).toMatchObject({ status: 'succeeded' });
    expect(released).toEqual([false]);
    expect(taken).toEqual([canceled.id, next.id]);
  });

  it('that has returned is not notified of its job any more, nor is a listener that was removed', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const worker = await rig.worker();
    const heard: string[] = [];
    const removed: string[] = [];
    worker.onCancel((id) => heard.push(id));
    worker.onCancel((id) => removed.push(id))();
    const signals: AbortSignal[] = [];
    const left = Promise.withResolvers<void>();
    const returned = Promise.withResolvers<void>();
    const active = Promise.withResolvers<void>();
    await worker.consume('interactive', { concurrency: 2 }, async (id, signal) => {
      await worker.claim(id, 'w');
      signals.push(signal);
      // The first returns as one that could not reach Redis: its claim is still in force.
      if (signals.length === 1) return left.resolve();
      active.resolve();
      await returned.promise;
    });
    const [first, second] = [job(), job()];
    await gateway.submit(first);
    await left.promise;
    await gateway.submit(second);
    await active.promise;
    await gateway.cancel(first.id);
    await gateway.cancel(second.id);
    // Messages arrive in order: by then the first has arrived too.
    await expect.poll(() => heard, { timeout: 10_000 }).toEqual([second.id]);
    expect(removed).toEqual([]);
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, true]);
    returned.resolve();
  });

  it('that leaves its place lets another job run at once, and none more once it has rejoined', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const worker = await rig.worker();
    const active: { id: string; place: Place; end: () => void }[] = [];
    await worker.consume('interactive', { concurrency: 1 }, async (id, _signal, place) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      active.push({ id, place, end: resolve });
      await promise;
      await finish(worker, id);
    });
    const submit = async () => {
      const given = job();
      await gateway.submit(given);
      return given.id;
    };
    const running = (count: number) => expect.poll(() => active.length, { timeout: 4500 }).toBe(count);
    const noMore = async () => {
      const before = active.length;
      await sleep(200);
      expect(active).toHaveLength(before);
    };
    const ids = [await submit(), await submit(), await submit(), await submit(), await submit()];
    const raw = new Redis(redis.url);
    const tokens = await Promise.all(ids.map((id) => raw.hget(`${rig.prefix}:job:${id}`, 'ticket')));
    raw.disconnect();
    await running(1);
    await noMore();
    active[0]!.place.leave();
    active[0]!.place.leave();
    await running(2);
    await noMore();
    // It waits for room; a worker without any asks for no job.
    active[1]!.place.leave();
    await running(3);
    active[2]!.end();
    await running(4);
    active[0]!.place.rejoin();
    active[3]!.end();
    await noMore();
    // A handler that ends while it is away gives no place to two others.
    active[1]!.end();
    await noMore();
    active[0]!.end();
    await running(5);
    active[4]!.end();
    await expect.poll(async () => (await gateway.read(ids[4]!))?.status).toBe('succeeded');
    expect(active.map(({ id }) => id)).toEqual(ids.map((id, i) => tokens[i] ?? id));
  });

  it('runs to its end before the consumer closes, which takes no more jobs', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const worker = await rig.worker();
    const begun = Promise.withResolvers<void>();
    const running = Promise.withResolvers<void>();
    const consumer = await worker.consume('interactive', { concurrency: 1 }, async (id) => {
      begun.resolve();
      await running.promise;
      await finish(worker, id);
    });
    const [first, second] = [job(), job()];
    await gateway.submit(first);
    await gateway.submit(second);
    await begun.promise;
    const closing = consumer.close();
    running.resolve();
    await closing;
    expect(await gateway.read(first.id)).toMatchObject({ status: 'succeeded' });
    expect(await gateway.read(second.id)).toMatchObject({ status: 'queued', attempts: 0 });
  });
});

describe('a consumer', () => {
  /** A consumer of interactive jobs with a connection of its own. */
  async function consumer(rig: Rig, handler: JobHandler, more: Partial<ConsumerContext> = {}) {
    const connection = await openConnection(rig.url, 'worker', () => {});
    const context: ConsumerContext = {
      redis: connection.redis,
      prefix: rig.prefix,
      activeJobs: new ActiveJobs(),
      release: async () => true,
      onError: (error) => rig.errors.push(error),
      ...more,
    };
    return {
      connection,
      context,
      start: (concurrency: number) => startConsumer(context, 'interactive', concurrency, handler),
    };
  }

  /** Gives the calls of the scripts with which BullMQ takes a job, or returns it, to `pass` instead of to Redis. */
  function onScript(on: Redis, which: 'take' | 'return', pass: (command: Command, send: () => unknown) => unknown) {
    const send = on.sendCommand.bind(on);
    const keys = which === 'take' ? ['wait', 'active'] : ['active', 'wait'];
    on.sendCommand = (command, stream) => {
      const [, , ...named] = command.args.map((arg) => String(arg).split(':').at(-1));
      const meant = command.name === 'evalsha' && keys.every((key, i) => named[i] === key);
      return meant ? pass(command, () => send(command, stream)) : send(command, stream);
    };
  }

  it('takes jobs again half a second after a command failed for want of a connection', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const { connection, start } = await consumer(rig, async () => {});
    const times: number[] = [];
    onScript(connection.redis, 'take', (command, send) => {
      if (times.push(performance.now()) > 1) return send();
      command.reject(new Error('connect ECONNREFUSED 127.0.0.1:6379'));
      return command.promise;
    });
    await gateway.submit(job());
    const consuming = await start(1);
    await expect.poll(() => times.length, { timeout: 20_000, interval: 2 }).toBeGreaterThan(1);
    expect(times[1]! - times[0]!).toBeGreaterThan(450);
    // BullMQ's own pause is 15 s.
    expect(times[1]! - times[0]!).toBeLessThan(10_000);
    await consuming.close();
    await connection.close();
  });

  it('that closes while a job is on its way handles it to its end', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    let ended = false;
    const { connection, start } = await consumer(rig, async () => {
      // Longer than closing waits for BullMQ once no handler runs.
      await new Promise((resolve) => setTimeout(resolve, 2500));
      ended = true;
    });
    const asked = Promise.withResolvers<void>();
    const closing = Promise.withResolvers<void>();
    onScript(connection.redis, 'take', (command, send) => {
      asked.resolve();
      void closing.promise.then(send);
      return command.promise;
    });
    await gateway.submit(job());
    const consuming = await start(1);
    await asked.promise;
    const closed = consuming.close();
    closing.resolve();
    await closed;
    expect(ended).toBe(true);
    await connection.close();
  });

  it('waits for no job that has ended, when it closes', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    let ended = 0;
    const { connection, start } = await consumer(rig, async () => void ended++);
    const consuming = await start(2);
    for (let i = 0; i < 5; i++) await gateway.submit(job());
    await expect.poll(() => ended).toBe(5);
    using allSettled = vi.spyOn(Promise, 'allSettled');
    await consuming.close();
    // A promise that is kept for each job would fill a worker that runs for months.
    expect(allSettled.mock.calls.map(([waited]) => [...waited])).toEqual([[]]);
    await connection.close();
  });

  it('releases a job whose handler threw for up to half a second, doubled each time, at most 30 s', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const delays = new Map<number, number>();
    let attempts = 0;
    const { connection, context, start } = await consumer(
      rig,
      async (id) => {
        context.activeJobs.claimed(id, { id, attempt: ++attempts });
        throw new Error('no engine');
      },
      { release: async (_, attempt, delayMs) => Boolean(delays.set(attempt, delayMs)) },
    );
    for (let i = 0; i < 12; i++) await gateway.submit(job());
    const consuming = await start(4);
    await expect.poll(() => delays.size, { timeout: 20_000 }).toBe(12);
    for (const [attempt, delay] of delays) {
      const most = Math.min(30_000, 500 * 2 ** (attempt - 1));
      expect(delay).toBeGreaterThanOrEqual(most / 2);
      expect(delay).toBeLessThanOrEqual(most);
    }
    await consuming.close();
    await connection.close();
  });

  it('reports a job that it could not release, and leaves nothing of it in BullMQ', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const { connection, context, start } = await consumer(
      rig,
      async (id) => {
        context.activeJobs.claimed(id, { id, attempt: 1 });
        throw new Error('no engine');
      },
      { release: () => Promise.reject(new Error('no memory')) },
    );
    const given = job();
    await gateway.submit(given);
    const consuming = await start(1);
    await expect.poll(() => rig.errors.map(({ message }) => message)).toEqual(['no engine', 'no memory']);
    await consuming.close();
    await connection.close();
    const raw = new Redis(redis.url);
    const left = (await raw.keys(`${rig.prefix}:bull:interactive:*`)).map((key) => key.split(':').at(-1));
    raw.disconnect();
    for (const kind of [given.id, 'wait', 'active', 'delayed', 'completed', 'failed']) expect(left).not.toContain(kind);
  });

  it('leaves nothing in BullMQ of a job that BullMQ could not return, for the sweep to bring it back', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    let taken = 0;
    const { connection, context, start } = await consumer(rig, async (id) => {
      taken++;
      context.activeJobs.claimed(id, { id, attempt: 1 });
      context.activeJobs.released(id, 1, 0);
    });
    onScript(connection.redis, 'return', (command) => {
      command.reject(new Error('ERR no'));
      return command.promise;
    });
    const given = job();
    await gateway.submit(given);
    const consuming = await start(1);
    const raw = new Redis(redis.url);
    await expect.poll(() => raw.exists(`${rig.prefix}:bull:interactive:${given.id}`)).toBe(0);
    await consuming.close();
    expect(await raw.exists(`${rig.prefix}:bull:interactive:failed`)).toBe(0);
    expect(taken).toBe(1);
    raw.disconnect();
    await connection.close();
  });

  it('reports what BullMQ cannot do', async () => {
    await using rig = new Rig(redis.url);
    const raw = new Redis(redis.url);
    // Of the wrong type.
    await raw.set(`${rig.prefix}:bull:interactive:wait`, 'x');
    const { connection, start } = await consumer(rig, async () => {});
    const consuming = await start(1);
    await expect.poll(() => rig.errors.map(({ message }) => message).join()).toContain('WRONGTYPE');
    await raw.del(`${rig.prefix}:bull:interactive:wait`);
    raw.disconnect();
    await consuming.close();
    await connection.close();
  });
});

describe('BullMQ', () => {
  it('keeps a few hundred events at most, however many jobs ran', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    await rig.finishing();
    const jobs = Array.from({ length: 1000 }, () => job());
    const waits = jobs.map((each) => gateway.wait(each.id));
    await Promise.all(jobs.map((each) => gateway.submit(each)));
    await Promise.all(waits.map((wait) => wait.ended(30_000)));
    const raw = new Redis(redis.url);
    // Each job adds three or more; a stream is trimmed by whole nodes of a hundred.
    expect(await raw.xlen(`${rig.prefix}:bull:interactive:events`)).toBeLessThan(300);
    raw.disconnect();
  });
});

describe('a worker that is silent for longer than it may', () => {
  it('is forgotten at the next heartbeat of another, and one that is not silent is kept', async () => {
    await using rig = new Rig(redis.url);
    const worker = await rig.worker();
    const raw = new Redis(redis.url);
    const key = `${rig.prefix}:workers`;
    await raw.hset(key, 'silent', `${Date.now() - 20_000} {}`, 'recent', `${Date.now() - 5000} {}`);
    await worker.heartbeat({
      id: 'w1',
      version: '0',
      device: null,
      models: null,
      engines: 0,
      queues: ['webhooks'],
      busy: 0,
      load: 0,
      startedAt: 5,
    });
    expect((await raw.hkeys(key)).sort()).toEqual(['recent', 'w1']);
    raw.disconnect();
  });
});

describe('the listeners of a worker', () => {
  it.each(['task', 'delivery'])('hear a message on the channel %s, and only those it is for', async (channel) => {
    await using rig = new Rig(redis.url);
    const worker = await rig.worker();
    const heard: string[] = [];
    worker.tasks.onTask(() => heard.push('task'));
    worker.onWebhookDue(() => heard.push('delivery'));
    const raw = new Redis(redis.url);
    // Nothing is due, so that no sweep notifies.
    await raw.publish(`${rig.prefix}:${channel}`, '');
    await expect.poll(() => heard).toEqual([channel]);
    raw.disconnect();
  });

  it.each([
    ['task', 'tasks'],
    ['delivery', 'hosts'],
  ])('hear of a %s without a message while there is any', async (kind, key) => {
    await using rig = new Rig(redis.url);
    const worker = await rig.worker();
    const heard = new Set<string>();
    worker.tasks.onTask(() => heard.add('task'));
    worker.onWebhookDue(() => heard.add('delivery'));
    const raw = new Redis(redis.url);
    await raw.zadd(`${rig.prefix}:${key}`, Date.now() + 600_000, 'x');
    await expect.poll(() => [...heard], { timeout: 20_000 }).toEqual([kind]);
    raw.disconnect();
  });
});

describe('workers', () => {
  it('are in the snapshot with what they report, until they close', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const worker = await rig.worker();
    const info = {
      id: 'w1',
      version: '0',
      device: 'cpu',
      models: { name: 'default', version: '1' },
      engines: 2,
      queues: ['interactive' as const],
      busy: 1,
      load: 0.5,
      startedAt: 5,
    };
    await worker.heartbeat(info);
    await worker.heartbeat({ ...info, busy: 2 });
    expect((await gateway.snapshot()).workers).toEqual([{ ...info, flows: true, busy: 2 }]);
    await worker.close();
    await expect.poll(async () => (await gateway.snapshot()).workers).toEqual([]);
  });
});
