import { audit } from '@facequeue/audit';
import type { QueueName } from '@facequeue/schema';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startRedis, type TestRedis } from '../../../test/support/redis/test-redis.ts';
import { newJobId } from './job/job-id.ts';
import { abortScript } from './job/submissions.ts';
import { openConnection } from './redis/connection.ts';
import { Scripts } from './redis/define-script.ts';
import { items, made } from './testing/batches.ts';
import { IMAGE, job, LONG, Rig, ROOMY, succeeded } from './testing/rig.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

describe('a job from submission to answer', () => {
  it('is returned to its waiting caller with result, times and attempts', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const worker = await rig.worker();
    const images: (Buffer | null)[] = [];
    await worker.consume('interactive', { concurrency: 2 }, async (id) => {
      const claimed = (await worker.claim(id, 'w'))!;
      images.push(await worker.blob(id));
      await worker.start(claimed.id, claimed.attempt);
      await worker.finish(claimed.id, claimed.attempt, succeeded(Buffer.from([1, 0, 255])));
    });
    const given = job({ source: { kind: 'inline', bytes: new Uint8Array([255, 0, 13, 10]) }, owner: 'key' });
    using wait = gateway.wait(given.id);
    const admitted = await gateway.submit(given);
    const record = (await wait.ended(LONG))!;
    expect(images).toEqual([Buffer.from([255, 0, 13, 10])]);
    expect(record).toMatchObject({
      id: given.id,
      status: 'succeeded',
      queue: 'interactive',
      source: { kind: 'inline' },
      options: given.options,
      requestId: 'test',
      owner: 'key',
      createdAt: admitted.createdAt,
      attempts: 1,
      image: IMAGE,
      error: null,
      result: Buffer.from([1, 0, 255]),
    });
    expect(admitted.expiresAt).toBe(admitted.createdAt + given.startTimeoutMs);
    expect(record.startedAt).toBeGreaterThanOrEqual(record.createdAt);
    expect(record.finishedAt).toBeGreaterThanOrEqual(record.startedAt!);
    expect(record.expiresAt).toBe(record.finishedAt! + 60_000);
    expect(record.timings).toEqual({ queue: record.startedAt! - record.createdAt, decode: 1 });
    expect(await worker.blob(given.id)).toBeNull();
    expect(await gateway.read(given.id)).toEqual(record);
  });

  it('is returned with its error when it failed, and with what was found out by then', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const worker = await rig.worker();
    const error = { code: 'image_undecodable', detail: 'the png is cut off' } as const;
    for (const found of [{}, { image: IMAGE, timings: { decode: 2 } }]) {
      const given = job();
      await gateway.submit(given);
      await worker.claim(given.id, 'w');
      await worker.start(given.id, 1);
      expect(await worker.finish(given.id, 1, { status: 'failed', error, ...found })).toBe(true);
      expect(await gateway.read(given.id)).toMatchObject({
        status: 'failed',
        error,
        image: null,
        timings: { queue: expect.any(Number) },
        result: null,
        ...found,
      });
    }
  });

  it('is returned to every caller that waits for it, and not to those that left', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const given = job();
    using first = gateway.wait(given.id);
    using second = gateway.wait(given.id);
    using third = gateway.wait(given.id);
    await gateway.submit(given);
    const left = new AbortController();
    const answers = [first.ended(LONG), second.ended(LONG), third.ended(LONG, left.signal)];
    left.abort();
    expect(await answers[2]).toBeNull();
    await rig.finishing();
    expect((await Promise.all(answers)).map((record) => record?.status)).toEqual(['succeeded', 'succeeded', undefined]);
  });

  it('continues when the wait ends first, with null', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const given = job();
    using wait = gateway.wait(given.id);
    await gateway.submit(given);
    expect(await wait.ended(30)).toBeNull();
    expect(await gateway.read(given.id)).toMatchObject({
      status: 'queued',
      attempts: 0,
      startedAt: null,
      result: null,
    });
    await rig.finishing();
    expect(await wait.ended(LONG)).toMatchObject({ status: 'succeeded' });
  });

  it('is canceled with `queued` only while it is queued', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const worker = await rig.worker();
    const [waiting, running] = [job({ queue: 'bulk' }), job()];
    await gateway.submit(waiting);
    expect(await gateway.cancel(waiting.id, 'queued')).toMatchObject({ status: 'canceled' });
    const started = Promise.withResolvers<void>();
    await worker.consume('interactive', { concurrency: 1 }, async (id) => {
      const claimed = await worker.claim(id, 'w');
      await worker.start(claimed!.id, claimed!.attempt);
      started.resolve();
      await worker.finish(claimed!.id, claimed!.attempt, succeeded());
    });
    using wait = gateway.wait(running.id);
    await gateway.submit(running);
    await started.promise;
    expect(await gateway.cancel(running.id, 'queued')).not.toMatchObject({ status: 'canceled' });
    expect(await wait.ended(LONG)).toMatchObject({ status: 'succeeded' });
  });

  it('does not exist under an id that was never submitted', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    expect(await gateway.read(newJobId())).toBeNull();
    expect(await gateway.cancel(newJobId())).toBeNull();
  });
});

describe('a snapshot', () => {
  it('is at most 250 ms old', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const waiting = async () => (await gateway.snapshot()).queues.interactive.waiting;
    for (let jobs = 0; jobs < 4; jobs++) {
      const began = performance.now();
      await expect.poll(waiting, { timeout: 10_000, interval: 10 }).toBe(jobs);
      expect(performance.now() - began).toBeLessThan(5000);
      await gateway.submit(job());
    }
  });
});

describe('admission', () => {
  const cases = [
    ['jobs waiting', { maxWaiting: 10 }, 'too many jobs are waiting'],
    ['image bytes', { maxBlobBytes: 30 }, 'too many image bytes are waiting'],
  ] as const;
  it.each(cases)(
    'refuses at the limit of %s, bulk at 80 %% of it, and nothing of a refused job stays',
    async (_, limit, text) => {
      await using rig = new Rig(redis.url);
      const gateway = await rig.gateway({ limits: { ...ROOMY, ...limit } });
      for (let i = 0; i < 8; i++) await gateway.submit(job({ queue: 'bulk', flow: `bulk ${i}` }));
      const refused = { code: 'queue_full', message: text, retryAfterMs: expect.any(Number) };
      await expect(gateway.submit(job({ queue: 'bulk' }))).rejects.toMatchObject(refused);
      await gateway.submit(job({ flow: 'a' }));
      expect((await gateway.snapshot()).full).toMatchObject({ interactive: null });
      await gateway.submit(job({ flow: 'b' }));
      const last = job();
      await expect(gateway.submit(last)).rejects.toMatchObject(refused);
      expect(await gateway.read(last.id)).toBeNull();
      expect(await audit(redis.url, rig.prefix)).toMatchObject({ findings: [], jobs: { queued: 10 } });
    },
  );

  it('never exceeds a limit, however many gateways submit at once', async () => {
    await using rig = new Rig(redis.url);
    const limits = { ...ROOMY, maxWaiting: 20, maxBlobBytes: 3 * 17 };
    const gateways = await Promise.all([rig.gateway({ limits }), rig.gateway({ limits }), rig.gateway({ limits })]);
    const outcomes = await Promise.allSettled(
      Array.from({ length: 90 }, (_, i) => gateways[i % gateways.length]!.submit(job({ flow: `flow ${i}` }))),
    );
    expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(17);
    expect(await audit(redis.url, rig.prefix)).toMatchObject({ findings: [], jobs: { queued: 17 } });
  });

  it('never gives a flow more than its share, however many gateways submit at once, and another its first job', async () => {
    await using rig = new Rig(redis.url);
    const limits = { ...ROOMY, maxWaiting: 24 };
    const gateways = await Promise.all([rig.gateway({ limits }), rig.gateway({ limits }), rig.gateway({ limits })]);
    const flows = Array.from({ length: 90 }, (_, i) => (i === 45 ? 'small' : 'flood'));
    const outcomes = await Promise.allSettled(
      flows.map((flow, i) => gateways[i % gateways.length]!.submit(job({ flow }))),
    );
    const accepted = flows.filter((_, i) => outcomes[i]!.status === 'fulfilled');
    expect(accepted).toContain('small');
    // Seven times what it leaves free: 3 while it was alone, then 2 of another.
    const flood = accepted.length - 1;
    expect(flood).toBeGreaterThanOrEqual(20);
    expect(flood).toBeLessThanOrEqual(21);
    expect(await audit(redis.url, rig.prefix)).toMatchObject({ findings: [], jobs: { queued: flood + 1 } });
  });

  it('refuses while too many result bytes are kept, and admits jobs again when they are erased', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway({ limits: { ...ROOMY, maxResultBytes: 6 }, resultTtlMs: 5000 });
    const given = job();
    using wait = gateway.wait(given.id);
    await gateway.submit(given);
    await rig.finishing();
    await wait.ended(LONG);
    await expect(gateway.submit(job())).rejects.toMatchObject({ message: 'too many results are kept' });
    await expect
      .poll(() => gateway.submit(job()), { timeout: 20_000 })
      .toMatchObject({ createdAt: expect.any(Number) });
  });

  it('counts results to the byte: one less than seven eighths of the limit admits one flow alone, and these refuse it', async () => {
    await using rig = new Rig(redis.url);
    const [below, at] = [
      await rig.gateway({ limits: { ...ROOMY, maxResultBytes: 115 } }),
      await rig.gateway({ limits: { ...ROOMY, maxResultBytes: 114 } }),
    ];
    const worker = await rig.worker();
    const given = job();
    await below.submit(given);
    await worker.claim(given.id, 'w');
    await worker.finish(given.id, 1, succeeded(Buffer.alloc(100)));
    await expect(at.submit(job())).rejects.toMatchObject({ code: 'queue_full', reason: 'result_bytes' });
    await below.submit(job());
    // Bulk jobs may have 80 % of it.
    await expect(below.submit(job({ queue: 'bulk' }))).rejects.toMatchObject({ reason: 'result_bytes' });
    await below.erase(given.id, '');
    await at.submit(job({ queue: 'bulk' }));
  });

  it('refuses while BullMQ lists twice as many jobs as may wait, until workers have skipped those that ended', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway({ limits: { ...ROOMY, maxWaiting: 5 } });
    for (let i = 0; i < 10; i++) {
      const given = job();
      await gateway.submit(given);
      await gateway.cancel(given.id);
    }
    const refused = {
      code: 'queue_full',
      message: 'too many jobs are waiting',
      reason: 'listed',
      retryAfterMs: 30_000,
    };
    await expect(gateway.submit(job())).rejects.toMatchObject(refused);
    await rig.finishing();
    const next = () =>
      gateway.submit(job()).then(
        () => 'admitted',
        (error: Error) => error,
      );
    await expect.poll(next, { timeout: 20_000 }).toBe('admitted');
  });

  it('refuses jobs of a queue whose oldest job has waited too long', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway({ limits: { ...ROOMY, maxOldestMs: 50 } });
    await gateway.submit(job());
    await expect
      .poll(
        () =>
          gateway.submit(job()).then(
            () => 'taken',
            (error: Error) => error.message,
          ),
        { timeout: 20_000 },
      )
      .toBe('jobs have been waiting too long');
    await gateway.submit(job({ queue: 'bulk' }));
  });

  it('refuses a caller that would leave before its job ends, and admits one that waits longer', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const worker = await rig.worker();
    for (let i = 0; i < 40; i++) await gateway.submit(job());
    // Ends one job after another, so that the queue learns how fast it drains.
    let left = 10;
    const slowed = Promise.withResolvers<void>();
    const running = Promise.withResolvers<void>();
    await worker.consume('interactive', { concurrency: 1 }, async (id) => {
      if (left-- === 0) slowed.resolve();
      if (left < 0) await running.promise;
      const claimed = (await worker.claim(id, 'w'))!;
      await new Promise((resolve) => setTimeout(resolve, 20));
      await worker.finish(claimed.id, claimed.attempt, {
        status: 'failed',
        error: { code: 'source_timeout', detail: 'slow' },
      });
    });
    await slowed.promise;
    await expect(gateway.submit(job({ waitMs: 100 }))).rejects.toMatchObject({
      code: 'queue_full',
      message: 'the job would wait longer than its caller',
    });
    await gateway.submit(job({ waitMs: 60_000 }));
    await gateway.submit(job());
    expect((await gateway.snapshot()).queues.interactive.throughput).toBeGreaterThan(0);
    running.resolve();
  });

  it('admits a burst after an idle time: idleness is not slowness', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const worker = await rig.worker();
    const run = async (id: string) => {
      const claimed = (await worker.claim(id, 'w'))!;
      await worker.start(claimed.id, claimed.attempt);
      await worker.finish(claimed.id, claimed.attempt, succeeded());
    };
    const first = [job(), job(), job()];
    for (const each of first) await gateway.submit(each);
    // One ends while others wait; those go away without being run.
    await run(first[0]!.id);
    await gateway.cancel(first[1]!.id);
    await gateway.cancel(first[2]!.id);
    await new Promise((resolve) => setTimeout(resolve, 300));
    const next = job();
    await gateway.submit(next);
    await run(next.id);
    for (let i = 0; i < 50; i++) await gateway.submit(job({ waitMs: 1000 }));
  });
});

describe('a gateway and a worker that', () => {
  const connections = async (raw: Redis) => ((await raw.client('LIST')) as string).trim().split('\n').length;

  it('close leave no connection, no interval, no timer and no wait', async () => {
    const raw = new Redis(redis.url);
    const before = await connections(raw);
    const { setTimeout: begin, clearTimeout: end } = globalThis;
    const timers = new Set<unknown>();
    vi.spyOn(globalThis, 'setTimeout').mockImplementation(((
      call: (...args: unknown[]) => void,
      ms?: number,
      ...args: unknown[]
    ) => {
      const timer = begin(() => {
        timers.delete(timer);
        call(...args);
      }, ms);
      timers.add(timer);
      return timer;
    }) as typeof setTimeout);
    vi.spyOn(globalThis, 'clearTimeout').mockImplementation((timer) => {
      timers.delete(timer);
      end(timer);
    });
    const begun = vi.spyOn(globalThis, 'setInterval');
    const ended = vi.spyOn(globalThis, 'clearInterval');
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const worker = await rig.finishing();
    const given = job();
    using wait = gateway.wait(given.id);
    await gateway.submit(given);
    expect(await wait.ended(LONG)).toMatchObject({ status: 'succeeded' });
    const open = gateway.wait('a').ended(LONG);
    const change = gateway.subscribe('b');
    // The first change is that the subscription is in force.
    await change.nextChange(LONG);
    const next = change.nextChange(LONG);
    expect(gateway.listeners).toEqual({ waits: 2, subscriptions: 1 });
    expect(await connections(raw)).toBeGreaterThan(before + 3);
    await Promise.all([gateway.close(), worker.close()]);
    expect(await open).toBeNull();
    expect(await next).toBe(true);
    const handles = begun.mock.results.map(({ value }) => value as unknown);
    const cleared = new Set<unknown>(ended.mock.calls.map(([handle]) => handle));
    expect(handles.length).toBeGreaterThanOrEqual(6);
    expect(handles.filter((handle) => !cleared.has(handle))).toEqual([]);
    // Connections have 200 ms to close; those of the gateway that run for seconds would be found.
    for (let i = 0; i < 50 && timers.size > 0; i++) await new Promise((resolve) => begin(resolve, 20));
    expect(timers.size).toBe(0);
    vi.restoreAllMocks();
    await expect.poll(() => connections(raw), { timeout: 10_000 }).toBe(before);
    raw.disconnect();
  });

  it('cannot open leave no connection', async () => {
    const raw = new Redis(redis.url);
    const before = await connections(raw);
    await raw.config('SET', 'maxmemory-policy', 'allkeys-lru');
    await expect(new Rig(redis.url).gateway()).rejects.toThrow('expected noeviction');
    await expect(new Rig(redis.url).worker()).rejects.toThrow('expected noeviction');
    await raw.config('SET', 'maxmemory-policy', 'noeviction');
    const rig = new Rig(redis.url);
    // Of the wrong type: it opens its connections and then cannot read it.
    await raw.lpush(`${rig.prefix}:first-start`, 'x');
    await expect(rig.gateway()).rejects.toMatchObject({ code: 'internal_error' });
    await expect.poll(() => connections(raw), { timeout: 10_000 }).toBe(before);
    raw.disconnect();
  });
});

describe('what does not get into BullMQ', () => {
  /** Of the wrong type: BullMQ's scripts stop at it, ours have run by then. */
  async function spoil(rig: Rig, queue: QueueName): Promise<void> {
    const raw = new Redis(redis.url);
    await raw.del(`${rig.prefix}:bull:${queue}:meta`);
    await raw.set(`${rig.prefix}:bull:${queue}:meta`, 'x');
    raw.disconnect();
  }
  const refused = { code: 'internal_error', message: 'the queue refused a command' };

  it('is not submitted: a job and a frame leave nothing, and their callers are told', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    await spoil(rig, 'interactive');
    await spoil(rig, 'cameras');
    const given = job();
    await expect(gateway.submit(given)).rejects.toMatchObject(refused);
    const { options } = given;
    const frame = { id: newJobId(), camera: 'gate', owner: '', requestId: 'r', bytes: Buffer.from('x'), options };
    await expect(
      gateway.cameras.submit({ ...frame, keep: 'latest', startTimeoutMs: 60_000, takenAt: null }),
    ).rejects.toMatchObject(refused);
    expect([await gateway.read(given.id), await gateway.read(frame.id)]).toEqual([null, null]);
    expect(await gateway.snapshot()).toMatchObject({ blobBytes: 0, queues: { interactive: { waiting: 0 } } });
  });

  it('is appended to a batch, and reported; a claim that cannot pass on its token fails', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const worker = await rig.worker();
    const id = await made(gateway, items(9));
    const raw = new Redis(redis.url);
    const [token] = await raw.lrange(`${rig.prefix}:bull:bulk:wait`, 0, 0);
    raw.disconnect();
    const open = await made(gateway, [], { open: true });
    await spoil(rig, 'bulk');
    expect(await gateway.batches.append(open, '', items(2), 'fail')).toMatchObject({ accepted: 2 });
    expect(rig.errors).toMatchObject([refused]);
    await expect(worker.claim(token!, 'w')).rejects.toThrow('WRONGTYPE');
    expect(await gateway.batches.read(id, '')).toMatchObject({ counts: { total: 9 } });
  });
});

describe('on Redis Cluster', () => {
  it('all keys are in one slot: jobs run, end, expire and are erased', async () => {
    await using cluster = await startRedis({ cluster: true });
    await using rig = new Rig(cluster.url);
    const gateway = await rig.gateway({ resultTtlMs: 4000 });
    await rig.finishing();
    for (const queue of ['interactive', 'bulk'] as const) {
      const given = job({ queue });
      using wait = gateway.wait(given.id);
      await gateway.submit(given);
      expect(await wait.ended(LONG)).toMatchObject({ status: 'succeeded' });
      await expect.poll(() => gateway.read(given.id), { timeout: 20_000 }).toBeNull();
    }
    expect(rig.errors).toEqual([]);
  });
});

describe('when Redis is unreachable', () => {
  it.each(['gateway', 'worker', 'subscriber'] as const)(
    'the connection of a %s is tried again after a tenth of a second, later at least every 1.25 s',
    async (kind) => {
      await using connection = await openConnection(redis.url, kind, () => {});
      const { retryStrategy, connectTimeout, commandTimeout } = connection.redis.options;
      const delays = Array.from({ length: 100 }, (_, i) => Number(retryStrategy!(i + 1)));
      expect(delays[0]).toBeGreaterThanOrEqual(75);
      expect(delays[0]).toBeLessThanOrEqual(125);
      for (const delay of delays.slice(4)) {
        expect(delay).toBeGreaterThanOrEqual(750);
        expect(delay).toBeLessThanOrEqual(1250);
      }
      // An attempt that gets no answer gives way to the next one; a gateway's caller does not wait for ever.
      expect(connectTimeout).toBe(5000);
      expect(commandTimeout).toBe(kind === 'gateway' ? 5000 : undefined);
    },
  );

  it('fails at once with unavailable, and works again by itself when Redis is back, 1 s later at most', async () => {
    await using own = await startRedis();
    await using rig = new Rig(own.url);
    const gateway = await rig.gateway();
    await using beside = new Rig(own.url, rig.prefix);
    await beside.finishing();
    const firstStart = await gateway.firstStart();
    using run = vi.spyOn(Scripts.prototype, 'run');
    await own.kill();
    const began = performance.now();
    const away = { code: 'unavailable', message: 'the queue is not reachable', retryAfterMs: 2000 };
    await expect(gateway.submit(job())).rejects.toMatchObject(away);
    await expect(gateway.read(newJobId())).rejects.toMatchObject(away);
    await expect(gateway.cancel(newJobId())).rejects.toMatchObject(away);
    await expect(gateway.snapshot()).rejects.toMatchObject(away);
    await expect(gateway.ping()).rejects.toMatchObject(away);
    expect(await gateway.firstStart()).toBe(firstStart);
    const unsent = job();
    await expect(gateway.submit(unsent)).rejects.toMatchObject(away);
    // No call waits for Redis: not even for the second that a connection may take to come back.
    expect(performance.now() - began).toBeLessThan(7500);
    const texts = () => rig.errors.map(({ message }) => message);
    await expect.poll(texts, { timeout: 20_000 }).toContain(`connect ECONNREFUSED 127.0.0.1:${own.port}`);
    await own.restart();
    const back = performance.now();
    await expect.poll(() => gateway.ping(), { timeout: 20_000 }).toBeUndefined();
    const given = job();
    using wait = gateway.wait(given.id);
    await gateway.submit(given);
    expect(await wait.ended(LONG)).toMatchObject({ status: 'succeeded' });
    expect(performance.now() - back).toBeLessThan(8000);
    expect((await audit(own.url, rig.prefix)).findings).toEqual([]);
    // A job that was never sent is not aborted either.
    const aborted = run.mock.calls.filter(([script]) => script === abortScript);
    expect(aborted.map(([, values]) => (values as { id: string }).id)).not.toContain(unsent.id);
    // Several connections were away, and tried again several times; the log says so once.
    expect(texts()).toEqual([...new Set(texts())]);
  });

  it('fails to open with unavailable', async () => {
    await using own = await startRedis();
    await own.stop();
    await expect(new Rig(own.url).gateway()).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('refuses to open on a Redis that would evict jobs', async () => {
    await using own = await startRedis();
    const raw = new Redis(own.url);
    await raw.config('SET', 'maxmemory-policy', 'allkeys-lru');
    raw.disconnect();
    await expect(new Rig(own.url).gateway()).rejects.toThrow('expected noeviction');
    await expect(new Rig(own.url).worker()).rejects.toThrow('expected noeviction');
  });
});
