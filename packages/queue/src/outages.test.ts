import { audit } from '@facequeue/audit';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startRedis, type TestRedis } from '../../../test/support/redis/test-redis.ts';
import { cancelScript } from './job/jobs.ts';
import { abortScript } from './job/submissions.ts';
import { Scripts } from './redis/define-script.ts';
import { sweepScript } from './sweep/sweeper.ts';
import { proxyTo } from './testing/proxy.ts';
import { job, jobOf, LONG, Rig, succeeded } from './testing/rig.ts';
import type { WorkerQueue } from './worker-queue.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis({ appendonly: 'always' });
});
afterAll(() => redis.stop());

/** Cuts every connection but its own. */
async function cutAll(): Promise<void> {
  const raw = new Redis(redis.url);
  for (const type of ['normal', 'pubsub']) await raw.call('CLIENT', 'KILL', 'TYPE', type, 'SKIPME', 'yes');
  raw.disconnect();
}

describe('every wait returns', () => {
  it('though all connections are cut repeatedly while jobs run', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const jobs = Array.from({ length: 200 }, () => job());
    const waits = jobs.map((each) => gateway.wait(each.id));
    await Promise.all(jobs.map((each) => gateway.submit(each)));
    const answers = Promise.all(waits.map((wait) => wait.ended(LONG)));
    await rig.finishing();
    for (let i = 0; i < 5; i++) {
      await cutAll();
      await expect.poll(() => gateway.ping(), { interval: 5, timeout: 10_000 }).toBeUndefined();
    }
    expect(new Set((await answers).map((record) => record?.status))).toEqual(new Set(['succeeded']));
    expect((await audit(rig.url, rig.prefix)).findings).toEqual([]);
  });

  it('though the message of the end was sent while its subscriber was disconnected', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const jobs = Array.from({ length: 10 }, () => job());
    // Among so many others that one reply of Redis does not hold them all.
    const ids = [...Array.from({ length: 1200 }, () => job().id), ...jobs.map(({ id }) => id)];
    const answers = new Map(ids.map((id) => [id, gateway.wait(id).ended(LONG)]));
    for (const each of jobs) await gateway.submit(each);
    const raw = new Redis(redis.url);
    // In one transaction, so that no subscriber is connected when the messages are sent.
    const cut = raw.multi().call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    for (const { id } of jobs) cut.eval(cancelScript.lua, 1, rig.prefix, id);
    await cut.exec();
    raw.disconnect();
    for (const { id } of jobs) expect(await answers.get(id)).toMatchObject({ status: 'canceled' });
  });

  it('though Redis is killed and started again with its data', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const jobs = Array.from({ length: 50 }, () => job());
    const waits = jobs.map((each) => gateway.wait(each.id));
    await Promise.all(jobs.map((each) => gateway.submit(each)));
    const answers = Promise.all(waits.map((wait) => wait.ended(LONG)));
    await rig.finishing();
    await redis.restart();
    expect(new Set((await answers).map((record) => record?.status))).toEqual(new Set(['succeeded']));
    expect((await audit(rig.url, rig.prefix)).findings).toEqual([]);
  });

  it('though its connections fall silent without being closed: 7 s later at most', async () => {
    await using proxy = await proxyTo(redis.port);
    await using rig = new Rig(proxy.url);
    await using direct = new Rig(redis.url, rig.prefix);
    const gateway = await rig.gateway();
    const elsewhere = await direct.gateway();
    const given = job();
    using wait = gateway.wait(given.id);
    await gateway.submit(given);
    const answer = wait.ended(LONG);
    proxy.swallow('everything');
    const silent = performance.now();
    await elsewhere.cancel(given.id);
    expect(await answer).toMatchObject({ status: 'canceled' });
    expect(performance.now() - silent).toBeLessThan(21_000);
    await gateway.ping();
  });

  it('with unavailable, at most a second after its end, when Redis is unreachable then', async () => {
    await using own = await startRedis();
    await using rig = new Rig(own.url);
    const gateway = await rig.gateway();
    const given = job();
    using wait = gateway.wait(given.id);
    await gateway.submit(given);
    await own.kill();
    const began = performance.now();
    await expect(wait.ended(100)).rejects.toMatchObject({ code: 'unavailable' });
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  it('with null when the gateway closes', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const answer = gateway.wait(job().id).ended(LONG);
    await gateway.close();
    expect(await answer).toBeNull();
  });
});

describe('a worker', () => {
  it('aborts a job that was canceled while its subscriber was disconnected', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const worker = await rig.worker();
    const taken = Promise.withResolvers<void>();
    const aborted = Promise.withResolvers<void>();
    await worker.consume('interactive', { concurrency: 1 }, async (id, signal) => {
      await worker.claim(id, 'w');
      signal.addEventListener('abort', () => aborted.resolve());
      taken.resolve();
      await aborted.promise;
    });
    const given = job();
    await gateway.submit(given);
    await taken.promise;
    const raw = new Redis(redis.url);
    const cut = raw.multi().call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await cut.eval(cancelScript.lua, 1, rig.prefix, given.id).exec();
    raw.disconnect();
    await aborted.promise;
  });

  it('takes jobs again, 7 s later at most, after its connections fell silent without being closed', async () => {
    await using proxy = await proxyTo(redis.port);
    await using proxied = new Rig(proxy.url);
    await using rig = new Rig(redis.url, proxied.prefix);
    const gateway = await rig.gateway();
    await proxied.finishing();
    const answer = async () => {
      const given = job();
      using wait = gateway.wait(given.id);
      await gateway.submit(given);
      return await wait.ended(LONG);
    };
    expect(await answer()).toMatchObject({ status: 'succeeded' });
    proxy.swallow('everything');
    const silent = performance.now();
    expect(await answer()).toMatchObject({ status: 'succeeded' });
    expect(performance.now() - silent).toBeLessThan(21_000);
  });

  it('runs a job that it could not take, because Redis had no memory left, within a second once there is room', async () => {
    await using own = await startRedis();
    await using rig = new Rig(own.url);
    const gateway = await rig.gateway();
    const given = job();
    using wait = gateway.wait(given.id);
    await gateway.submit(given);
    const raw = new Redis(own.url);
    await raw.config('SET', 'maxmemory', '1');
    await rig.finishing();
    const oom = () => rig.errors.filter(({ message }) => message.includes('maxmemory')).length;
    await expect.poll(oom, { timeout: 10_000, interval: 5 }).toBeGreaterThan(0);
    await raw.config('SET', 'maxmemory', '0');
    const free = performance.now();
    expect(await wait.ended(LONG)).toMatchObject({ status: 'succeeded' });
    expect(performance.now() - free).toBeLessThan(4800);
    raw.disconnect();
  });

  it('closes within 2 s although Redis is unreachable', async () => {
    await using own = await startRedis();
    const rig = new Rig(own.url);
    await rig.gateway();
    await rig.finishing();
    await own.kill();
    const began = performance.now();
    await rig[Symbol.asyncDispose]();
    expect(performance.now() - began).toBeLessThan(10_000);
  });
});

describe('a Redis that falls silent', () => {
  it.each(['gateway', 'worker'] as const)('fails the ping of a %s after 2 s', async (side) => {
    await using proxy = await proxyTo(redis.port);
    await using rig = new Rig(proxy.url);
    const queue = await rig[side]();
    proxy.swallow('everything');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const failed = vi.fn();
      void queue.ping().catch(failed);
      await vi.advanceTimersByTimeAsync(1900);
      expect(failed).not.toHaveBeenCalled();
      await vi.advanceTimersByTimeAsync(200);
      expect(failed.mock.calls).toMatchObject([[{ code: 'unavailable', retryAfterMs: 2000 }]]);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('a worker without Redis', () => {
  it('fails its ping and sends no heartbeat, both at once, and both work again when Redis is back', async () => {
    await using own = await startRedis();
    await using rig = new Rig(own.url);
    const gateway = await rig.gateway();
    const worker = await rig.worker();
    await worker.ping();
    await own.kill();
    await expect
      .poll(() => worker.ping().catch((error: Error) => error), { timeout: 10_000 })
      .toMatchObject({ code: 'unavailable' });
    const info = { id: 'w', version: '0', device: null, models: null, engines: 0, busy: 0, load: 0, startedAt: 1 };
    const at = performance.now();
    await worker.heartbeat({ ...info, queues: ['webhooks'] });
    await expect(worker.ping()).rejects.toMatchObject({ code: 'unavailable' });
    expect(performance.now() - at).toBeLessThan(10_000);
    await own.restart();
    await expect.poll(() => worker.ping(), { timeout: 10_000 }).toBeUndefined();
    await expect.poll(() => gateway.ping(), { timeout: 10_000 }).toBeUndefined();
    expect((await gateway.snapshot()).workers).toEqual([]);
    await worker.heartbeat({ ...info, queues: ['webhooks'] });
    await expect.poll(async () => (await gateway.snapshot()).workers, { timeout: 10_000 }).toMatchObject([{ id: 'w' }]);
  });
});

describe('webhooks', () => {
  it('are all delivered though connections are cut, workers die and Redis restarts', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const jobs = Array.from({ length: 120 }, (_, i) => job({ webhookUrl: `https://r${i % 5}.example/` }));
    for (const each of jobs) {
      await gateway.submit(each);
      await gateway.cancel(each.id);
    }
    const received = new Set<string>();
    /** Half of them is not taken at the first try. */
    const deliver = async (worker: WorkerQueue) => {
      while (received.size < jobs.length) {
        for (const each of await worker.leaseWebhooks(10, 3, 500)) {
          const attempt = { at: 1, status: 200, error: null, ms: 1 };
          if (each.attempt === 1 && Math.random() < 0.5) {
            await worker.reportWebhook(each, { status: 'pending', nextAt: Date.now() + 50, attempt });
          } else {
            received.add(jobOf(each).id);
            await worker.reportWebhook(each, { status: 'delivered', attempt });
          }
        }
      }
    };
    const doomed = await rig.worker();
    // It takes and never reports.
    expect(await doomed.leaseWebhooks(10, 3, 500)).toHaveLength(10);
    await doomed.close();
    const loops = [deliver(await rig.worker()), deliver(await rig.worker())];
    await cutAll();
    await redis.restart();
    await cutAll();
    await Promise.all(loops);
    // What was taken by a call whose answer was lost comes again when its lease ends.
    const late = await rig.worker();
    const attempt = { at: 1, status: 200, error: null, ms: 1 };
    await expect
      .poll(
        async () => {
          for (const each of await late.leaseWebhooks(100, 100, 60_000))
            await late.reportWebhook(each, { status: 'delivered', attempt });
          const { keys, findings } = await audit(rig.url, rig.prefix);
          return { findings, left: keys.filter((key) => key.includes(':delivery:')) };
        },
        { timeout: 20_000 },
      )
      .toEqual({ findings: [], left: [] });
    // The gateway may still be about to reconnect.
    await expect.poll(() => gateway.ping(), { timeout: 10_000 }).toBeUndefined();
    for (const each of jobs) expect((await gateway.read(each.id))!.webhook!.status).toBe('delivered');
  });
});

describe('a submission that fails', () => {
  it('leaves nothing when only the call to BullMQ fails', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const raw = new Redis(redis.url);
    const before = await audit(redis.url, rig.prefix);
    // A key of the wrong type: BullMQ's script stops at it, ours has run by then.
    await raw.del(`${rig.prefix}:bull:interactive:meta`);
    await raw.set(`${rig.prefix}:bull:interactive:meta`, 'x');
    const given = job();
    await expect(gateway.submit(given)).rejects.toMatchObject({ code: 'internal_error' });
    expect(await gateway.read(given.id)).toBeNull();
    const after = await audit(redis.url, rig.prefix);
    expect(after.findings).toEqual([]);
    expect(after.jobs).toEqual({});
    const more = after.keys.filter((key) => !before.keys.includes(key));
    expect(more.map((key) => key.slice(rig.prefix.length)).sort()).toEqual([':bull:interactive:id', ':stats']);
    raw.disconnect();
  });

  it('is aborted as soon as Redis can be reached, when it got through and its reply did not', async () => {
    await using proxy = await proxyTo(redis.port);
    await using rig = new Rig(proxy.url);
    await using direct = new Rig(redis.url, rig.prefix);
    const gateway = await rig.gateway();
    const elsewhere = await direct.gateway();
    const given = job();
    proxy.swallow('answers');
    const submission = gateway.submit(given);
    submission.catch(() => {});
    await expect.poll(() => elsewhere.read(given.id), { timeout: 10_000 }).toMatchObject({ status: 'queued' });
    // Nor does the first call that would abort it.
    proxy.swallow('everything');
    await expect(submission).rejects.toMatchObject({ code: 'unavailable' });
    await expect.poll(() => elsewhere.read(given.id), { timeout: 20_000 }).toBeNull();
    expect(await audit(redis.url, rig.prefix)).toMatchObject({ findings: [], jobs: {} });
    // Once Redis has confirmed that, it is forgotten: none of the next sweeps aborts it again.
    await expect.poll(() => gateway.ping().catch((error: Error) => error), { timeout: 20_000 }).toBeUndefined();
    using run = vi.spyOn(Scripts.prototype, 'run');
    const calls = (of: unknown) => run.mock.calls.filter(([script]) => script === of).length;
    const sweeps = () => expect.poll(() => calls(sweepScript), { timeout: 20_000 }).toBeGreaterThan(4);
    await sweeps();
    run.mockClear();
    await sweeps();
    expect(calls(abortScript)).toBe(0);
  });

  it('fails with queue_full on a full Redis, where jobs still end', async () => {
    await using own = await startRedis();
    await using rig = new Rig(own.url);
    const gateway = await rig.gateway();
    const worker = await rig.worker();
    const [first, second] = [job(), job()];
    for (const each of [first, second]) await gateway.submit(each);
    await worker.claim(first.id, 'w');
    await worker.start(first.id, 1);
    const raw = new Redis(own.url);
    await raw.config('SET', 'maxmemory', '1');
    await expect(gateway.submit(job())).rejects.toMatchObject({
      code: 'queue_full',
      message: 'the queue has no memory left',
      retryAfterMs: 2000,
      cause: expect.not.objectContaining({ command: expect.anything() }),
    });
    expect(await worker.finish(first.id, 1, succeeded())).toBe(true);
    expect(await gateway.cancel(second.id)).toMatchObject({ status: 'canceled' });
    await raw.config('SET', 'maxmemory', '0');
    raw.disconnect();
    expect(await audit(own.url, rig.prefix)).toMatchObject({ findings: [], jobs: { succeeded: 1, canceled: 1 } });
  });

  it('is refused before Redis is full, bulk jobs first; admitted jobs are delivered and end', async () => {
    await using own = await startRedis();
    await using rig = new Rig(own.url);
    const gateway = await rig.gateway();
    const raw = new Redis(own.url);
    // So much that what the test itself takes and frees does not count; made in Redis, where no buffer of a connection remembers it.
    await raw.setrange('ballast', 30e6, 'x');
    /** Sets the limit so that this share of it is used, and waits until admission has seen it. */
    const use = async (share: number) => {
      const used = Number(/used_memory:(\d+)/.exec(await raw.info('memory'))![1]);
      const limit = Math.round(used / share);
      await raw.config('SET', 'maxmemory', limit);
      await expect.poll(async () => (await gateway.snapshot()).memory.limitBytes, { timeout: 20_000 }).toBe(limit);
    };
    const refused = { code: 'queue_full', message: 'the queue has no memory left', reason: 'memory' };
    await use(0.8);
    await expect(gateway.submit(job({ queue: 'bulk' }))).rejects.toMatchObject(refused);
    const taken = job();
    await gateway.submit(taken);
    await use(0.95);
    await expect(gateway.submit(job())).rejects.toMatchObject(refused);
    expect((await gateway.snapshot()).full).toMatchObject({ interactive: { reason: 'memory' } });
    await rig.finishing();
    await expect.poll(async () => (await gateway.read(taken.id))?.status, { timeout: 20_000 }).toBe('succeeded');
    // Room counts at once, though the last record of memory may be a second old.
    await raw.del('ballast');
    await gateway.submit(job());
    raw.disconnect();
  });
});
