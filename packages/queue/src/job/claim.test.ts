import { randomUUID } from 'node:crypto';
import { audit } from '@facequeue/audit';
import { isTerminal } from '@facequeue/schema';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { dump } from '../testing/dump.ts';
import { job, jobOf, LONG, Rig, succeeded } from '../testing/rig.ts';
import { inlineItem, ScriptHarness } from '../testing/script-harness.ts';
import type { WorkerQueue } from '../worker-queue.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

const failed = { status: 'failed', error: { code: 'image_undecodable', detail: 'truncated' } } as const;

/** What is announced on `channel`, from the moment it resolves. */
async function listen(rig: Rig, channel: string) {
  const subscriber = new Redis(redis.url);
  const heard: string[] = [];
  await subscriber.subscribe(`${rig.prefix}:${channel}`);
  subscriber.on('message', (_, message: string) => heard.push(message));
  return { heard, [Symbol.dispose]: () => subscriber.disconnect() };
}

describe('the image of a delivered job', () => {
  /** Submits a job with an image and claims it. @returns its image once it is gone from Redis: what was read with the claim */
  async function imageReadEarly(rig: Rig, worker: WorkerQueue, delivery: (id: string) => string) {
    const gateway = await rig.gateway();
    const given = job();
    await gateway.submit(given);
    const claimed = await worker.claim(delivery(given.id), 'w');
    expect(claimed?.id).toBe(given.id);
    const raw = new Redis(redis.url);
    await raw.del(`${rig.prefix}:blob:${given.id}`);
    raw.disconnect();
    return { id: given.id, image: await worker.blob(given.id) };
  }

  it('is read behind its claim, in the same round trip, and only for the first who asks', async () => {
    await using rig = new Rig(redis.url);
    const worker = await rig.worker();
    const { id, image } = await imageReadEarly(rig, worker, (id) => id);
    expect(image).toEqual(Buffer.from([0, 128, 255]));
    expect(await worker.blob(id)).toBeNull();
  });

  it('is read when it is asked for while the worker has another job: the delivery may bring another one', async () => {
    await using rig = new Rig(redis.url);
    const worker = await rig.worker();
    const running = Promise.withResolvers<void>();
    using _end = { [Symbol.dispose]: running.resolve };
    let active = 0;
    await worker.consume('bulk', { concurrency: 2 }, async () => {
      active++;
      await running.promise;
    });
    const gateway = await rig.gateway();
    for (let i = 0; i < 2; i++) await gateway.submit(job({ queue: 'bulk' }));
    await expect.poll(() => active, { timeout: 20_000 }).toBe(2);
    expect((await imageReadEarly(rig, worker, (id) => id)).image).toBeNull();
  });

  it('is not kept for a job that has ended', async () => {
    await using rig = new Rig(redis.url);
    const worker = await rig.worker();
    const gateway = await rig.gateway();
    const given = job();
    await gateway.submit(given);
    await worker.claim(given.id, 'w');
    await worker.finish(given.id, 1, failed);
    expect(await worker.blob(given.id)).toBeNull();
  });
});

describe('a claim', () => {
  it('of two processes whose workers have one name, or of one process at two times, is two claims', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const [one, other] = [await rig.worker(), await rig.worker()];
    const given = job();
    await gateway.submit(given);
    const raw = new Redis(redis.url);
    for (const [i, worker] of [one, other, other].entries()) {
      // BullMQ delivers it anew.
      await raw.set(`${rig.prefix}:bull:interactive:${given.id}:lock`, `delivery-${i}`);
      expect(await worker.claim(given.id, 'w')).toMatchObject({ attempt: i + 1 });
    }
    raw.disconnect();
    expect(await one.start(given.id, 1)).toBe(false);
  });

  it('has the flow that was submitted, else the owner, as of jobs that another release submitted', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const worker = await rig.worker();
    for (const [owner, flow, expected] of [
      ['', 'ip:192.0.2.1', 'ip:192.0.2.1'],
      ['shop', 'shop', 'shop'],
      ['shop', undefined, 'shop'],
      ['', undefined, ''],
    ] as const) {
      const given = job({ owner, ...(flow !== undefined && { flow }) });
      await gateway.submit(given);
      expect(await worker.claim(given.id, 'w')).toMatchObject({ owner, flow: expected });
      // The next one is delivered by its id: nothing waits.
      await worker.start(given.id, 1);
    }
  });

  it('is won by one of fifty that ask at once', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const workers = await Promise.all([rig.worker(), rig.worker(), rig.worker()]);
    for (let round = 0; round < 20; round++) {
      const given = job();
      await gateway.submit(given);
      const claims = await Promise.all(
        Array.from({ length: 50 }, (_, i) => workers[i % workers.length]!.claim(given.id, `w${i}`)),
      );
      expect(claims.filter(Boolean)).toMatchObject([{ id: given.id, attempt: 1, queue: 'interactive' }]);
      // The next one is delivered by its id: nothing waits.
      await workers[0]!.start(given.id, 1);
    }
  });

  it('is refused for a job that has ended or never existed', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const worker = await rig.worker();
    const given = job();
    await gateway.submit(given);
    await gateway.cancel(given.id);
    expect(await worker.claim(given.id, 'w')).toBeNull();
    expect(await worker.claim(job().id, 'w')).toBeNull();
  });

  it('ends the job as failed after too many attempts', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const worker = await rig.worker({ maxAttempts: 3 });
    const given = job();
    using wait = gateway.wait(given.id);
    await gateway.submit(given);
    for (let attempt = 1; attempt <= 3; attempt++) {
      expect(await worker.claim(given.id, 'w')).toMatchObject({ attempt });
      expect(await worker.release(given.id, attempt, 0)).toBe(true);
    }
    expect(await worker.claim(given.id, 'w')).toBeNull();
    expect(await wait.ended(LONG)).toMatchObject({
      status: 'failed',
      attempts: 3,
      error: { code: 'internal_error', detail: expect.stringContaining('3 attempts') },
    });
  });

  it('is granted however often workers that stop have released the job', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const worker = await rig.worker({ maxAttempts: 2 });
    const given = job();
    await gateway.submit(given);
    for (let attempt = 1; attempt <= 5; attempt++) {
      expect(await worker.claim(given.id, 'w')).toMatchObject({ attempt });
      await worker.start(given.id, attempt);
      for (const _ of ['released', 'repeated after a lost reply'])
        expect(await worker.release(given.id, attempt, 0, true)).toBe(true);
    }
    // Those that say something of the job are as few as ever.
    for (const attempt of [6, 7]) {
      expect(await worker.claim(given.id, 'w')).toMatchObject({ attempt });
      await worker.release(given.id, attempt, 0);
    }
    expect(await worker.claim(given.id, 'w')).toBeNull();
    expect(await gateway.read(given.id)).toMatchObject({
      status: 'failed',
      attempts: 7,
      error: { code: 'internal_error', detail: expect.stringContaining('2 attempts') },
    });
  });

  it('is granted again past the first deadline when the job was claimed in time', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const worker = await rig.worker();
    const [given, clock] = [job({ startTimeoutMs: 1500 }), job({ startTimeoutMs: 1600 })];
    using later = gateway.wait(clock.id);
    await gateway.submit(given);
    await worker.claim(given.id, 'w');
    await worker.start(given.id, 1);
    await gateway.submit(clock);
    await later.ended(LONG);
    await worker.release(given.id, 1, 0);
    expect(await worker.claim(given.id, 'w')).toMatchObject({ attempt: 2 });
  });

  it('is refused past the deadline: the job ends expired', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const worker = await rig.worker();
    const given = job({ startTimeoutMs: 1 });
    await gateway.submit(given);
    await expect.poll(() => worker.claim(given.id, 'w')).toBeNull();
    expect(await gateway.read(given.id)).toMatchObject({ status: 'expired', error: { code: 'expired' } });
  });
});

describe('a stale worker', () => {
  it('cannot start, finish or release a job that another has claimed since', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const worker = await rig.worker();
    const given = job();
    await gateway.submit(given);
    await worker.claim(given.id, 'old');
    await worker.start(given.id, 1);
    await worker.release(given.id, 1, 0);
    expect(await worker.claim(given.id, 'new')).toMatchObject({ attempt: 2 });
    expect(await worker.start(given.id, 1)).toBe(false);
    expect(await worker.finish(given.id, 1, failed)).toBe(false);
    expect(await worker.release(given.id, 1, 0)).toBe(false);
    expect(await worker.start(given.id, 2)).toBe(true);
    expect(await worker.finish(given.id, 2, succeeded())).toBe(true);
    expect(await worker.finish(given.id, 2, failed)).toBe(true); // repeated, as after a lost connection: the first outcome stands
    expect(await gateway.read(given.id)).toMatchObject({ status: 'succeeded', attempts: 2 });
  });

  it.each(['job', 'item', 'frame'] as const)(
    'changes nothing of a claim of a %s that another has since',
    async (what) => {
      const raw = new Redis(redis.url);
      const by = new ScriptHarness(raw, `{fq-${randomUUID()}}`);
      const queue = what === 'frame' ? 'cameras' : 'bulk';
      let delivery = 'j';
      if (what === 'job') await by.submit('j', { webhookUrl: 'https://a.example/', webhookHost: 'a.example' });
      if (what === 'frame') [, , , delivery] = (await by.frame('j', 'gate')) as [string, number, number, string];
      if (what === 'item') {
        await by.create('b');
        delivery = (await by.append('b', [inlineItem('a')])).tokens[0]!;
        await by.settle('b');
      }
      const { id } = (await by.claim(delivery)).job!;
      await by.start(id, 1);
      // BullMQ delivers it again, under a lock of another worker.
      await by.lock(queue, delivery, 'of another');
      expect((await by.claim(delivery)).job).toMatchObject({ id, attempt: 2 });
      const stale: Record<string, () => Promise<unknown>> = {
        start: () => by.start(id, 1),
        succeed: () => by.finish(id, 1, 'succeeded', 'of the loser'),
        fail: () => by.finish(id, 1, 'failed'),
        release: () => by.release(id, 1),
        'release as one that stops': () => by.release(id, 1, true),
        'claim again': async () => (await by.claim(delivery)).job !== null,
      };
      for (const started of [false, true]) {
        if (started) await by.start(id, 2);
        const before = await dump(raw, by.prefix);
        for (const [name, call] of Object.entries(stale)) {
          expect(await call(), name).toBe(false);
          expect(await dump(raw, by.prefix), name).toEqual(before);
        }
      }
      expect(await by.finish(id, 2, 'succeeded')).toBe(true);
      const after = await dump(raw, by.prefix);
      for (const [name, call] of Object.entries(stale)) {
        expect(await call(), name).toBe(false);
        expect(await dump(raw, by.prefix), name).toEqual(after);
      }
      expect((await audit(raw, by.prefix)).findings).toEqual([]);
      raw.disconnect();
    },
  );

  it('that claims and one that finishes at the same time agree on who has the job, 300 times', async () => {
    const connections = [new Redis(redis.url), new Redis(redis.url)];
    const prefix = `{fq-${randomUUID()}}`;
    const [old, next] = connections.map((raw) => new ScriptHarness(raw, prefix)) as [ScriptHarness, ScriptHarness];
    let finished = 0;
    for (let round = 0; round < 300; round++) {
      const id = `j${round}`;
      await old.submit(id);
      await old.claim(id);
      await old.start(id, 1);
      await next.lock('bulk', id, 'of the next');
      const calls = [() => old.finish(id, 1, 'succeeded', 'old'), async () => (await next.claim(id)).job !== null];
      if (round % 2) calls.reverse();
      const answers = await Promise.all(calls.map((call) => call()));
      const [done, claimed] = round % 2 ? answers.toReversed() : answers;
      expect(done).toBe(!claimed);
      if (done) finished++;
      else expect(await next.finish(id, 2, 'succeeded', 'next')).toBe(true);
      expect(await old.raw.hmget(old.key(`job:${id}`), 'result', 'attempts')).toEqual(
        done ? ['old', '1'] : ['next', '2'],
      );
    }
    expect(finished).toBeGreaterThan(0);
    expect(finished).toBeLessThan(300);
    expect((await audit(connections[0]!, prefix)).findings).toEqual([]);
    for (const connection of connections) connection.disconnect();
  });

  it('cannot finish a job that it has released', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const worker = await rig.worker();
    const given = job();
    await gateway.submit(given);
    await worker.claim(given.id, 'w');
    await worker.release(given.id, 1, 0);
    expect(await worker.finish(given.id, 1, succeeded())).toBe(false);
    expect(await gateway.read(given.id)).toMatchObject({ status: 'queued' });
    await worker.claim(given.id, 'w');
    await worker.release(given.id, 2, 0);
    // A repeat is confirmed, also after a lost reply; that of an older claim is not.
    expect(await worker.release(given.id, 2, 0)).toBe(true);
    expect(await worker.release(given.id, 1, 0)).toBe(false);
  });

  it('finds that its job was canceled or has expired', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const worker = await rig.worker();
    const canceled = job();
    const late = job({ startTimeoutMs: 100 });
    for (const each of [canceled, late]) {
      await gateway.submit(each);
      await worker.claim(each.id, 'w');
    }
    using wait = gateway.wait(late.id);
    await gateway.cancel(canceled.id);
    await wait.ended(LONG);
    for (const each of [canceled, late]) {
      expect(await worker.start(each.id, 1)).toBe(false);
      expect(await worker.finish(each.id, 1, succeeded())).toBe(false);
    }
    expect(await gateway.read(canceled.id)).toMatchObject({ status: 'canceled', result: null });
    expect(await gateway.read(late.id)).toMatchObject({ status: 'expired', result: null });
  });
});

describe('a race to the end', () => {
  it('has one winner, one message and one webhook: finish, cancel, expiry and erasure, 1000 times', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const other = await rig.gateway();
    const worker = await rig.worker();
    using announced = await listen(rig, 'ended');
    const erased = new Set<string>();
    const kept = new Map<string, string>();
    for (let round = 0; round < 1000; round++) {
      const given = job({
        startTimeoutMs: round % 3 === 0 ? round % 4 : 60_000,
        webhookUrl: `https://r${round % 7}.example/`,
      });
      await gateway.submit(given);
      const claimed = await worker.claim(given.id, 'w');
      if (round % 2) await worker.start(given.id, 1);
      const ends: (() => Promise<unknown>)[] = [
        () => worker.finish(given.id, claimed?.attempt ?? 1, succeeded()),
        () => gateway.cancel(given.id),
        () => other.cancel(given.id),
        () => worker.claim(given.id, 'w2'),
        () => worker.finish(given.id, claimed?.attempt ?? 1, failed),
      ];
      if (round % 5 === 4) ends.push(() => other.erase(given.id, ''));
      // Every order comes first now and then.
      for (let i = 0; i < round % ends.length; i++) ends.push(ends.shift()!);
      await Promise.all(ends.map((end) => end()));
      const record = await gateway.read(given.id);
      if (round % 5 === 4) {
        expect(record).toBeNull();
        erased.add(given.id);
        continue;
      }
      expect(isTerminal(record!.status)).toBe(true);
      expect(record!.result !== null).toBe(record!.status === 'succeeded');
      await gateway.cancel(given.id);
      expect(await gateway.read(given.id)).toEqual(record);
      kept.set(given.id, record!.status);
    }
    await expect.poll(() => announced.heard.length).toBeGreaterThanOrEqual(1000);
    expect(announced.heard).toHaveLength(1000);
    const statuses = new Map(announced.heard.map((message) => message.split(' ') as [string, string]));
    for (const [id, status] of kept) expect(statuses.get(id)).toBe(status);
    for (const id of erased) expect(statuses.has(id)).toBe(true);
    const deliveries = await worker.leaseWebhooks(2000, 1000, 60_000);
    expect(new Map(deliveries.map((each) => [jobOf(each).id, jobOf(each).status]))).toEqual(kept);
    expect(deliveries).toHaveLength(kept.size);
    const { findings, jobs } = await audit(redis.url, rig.prefix);
    expect(findings).toEqual([]);
    expect(Object.keys(jobs).sort()).toEqual(['canceled', 'expired', 'failed', 'succeeded']);
  });
});
