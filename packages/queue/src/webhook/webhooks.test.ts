import { randomUUID } from 'node:crypto';
import { audit } from '@facequeue/audit';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import type { GatewayQueue } from '../gateway-queue.ts';
import type { NewJob } from '../job/job.ts';
import { sweepScript } from '../sweep/sweeper.ts';
import { dump } from '../testing/dump.ts';
import { IMAGE, job, jobOf, Rig, ROOMY, succeeded } from '../testing/rig.ts';
import { ScriptHarness } from '../testing/script-harness.ts';
import type { WorkerQueue } from '../worker-queue.ts';
import type { WebhookDelivery, WebhookOutcome } from './delivery.ts';
import type { WebhookAttempt } from './webhook.ts';
import { leaseScript, reportScript } from './webhooks.ts';

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

const LONG = 60_000;
const tried = (status: number | null, at = 1): WebhookAttempt => ({ at, status, error: null, ms: 5 });
const delivered: WebhookOutcome = { status: 'delivered', attempt: tried(200) };
const retry = (inMs: number, status: number | null = 500): WebhookOutcome => ({
  status: 'pending',
  nextAt: Date.now() + inMs,
  attempt: tried(status),
});

/** Jobs with a webhook that have ended, canceled, in this order. */
async function ended(gateway: GatewayQueue, ...webhookUrls: string[]): Promise<NewJob[]> {
  const jobs = webhookUrls.map((webhookUrl) => job({ webhookUrl }));
  for (const each of jobs) {
    await gateway.submit(each);
    await gateway.cancel(each.id);
  }
  return jobs;
}

const many = (count: number, url: string) => Array<string>(count).fill(url);
const sound = async (rig: Rig) => expect((await audit(redis.url, rig.prefix)).findings).toEqual([]);

/** As if all leases had lasted their time. */
async function endLeases(prefix: string): Promise<void> {
  for (const host of await raw.zrange(`${prefix}:hosts`, 0, '-1')) {
    for (const id of await raw.zrange(`${prefix}:leases:${host}`, 0, '-1'))
      await raw.zadd(`${prefix}:leases:${host}`, 1, id);
    await raw.zadd(`${prefix}:hosts`, 1, host);
  }
}

/** Resolves when Redis' clock shows another millisecond. */
async function nextMillisecond(): Promise<void> {
  const now = async () => {
    const [seconds, micros] = await raw.time();
    return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
  };
  for (const before = await now(); (await now()) === before; );
}

async function takeOne(worker: WorkerQueue, leaseMs = LONG): Promise<WebhookDelivery> {
  const [delivery] = await worker.leaseWebhooks(1, 1, leaseMs);
  return delivery!;
}

describe('the webhook of a job', () => {
  it('waits with the job, is due the moment it ends, has its outcome, and records each attempt', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const worker = await rig.worker();
    const due = Promise.withResolvers<void>();
    worker.onWebhookDue(due.resolve);
    const given = job({ webhookUrl: 'https://receiver.example/hook?a=1' });
    await gateway.submit(given);
    const webhook = async () => (await gateway.read(given.id))?.webhook;
    expect(await webhook()).toEqual({ url: given.webhookUrl, status: 'waiting', attempts: [], nextAt: null });
    expect(await worker.leaseWebhooks(1, 1, LONG)).toEqual([]);
    const claimed = (await worker.claim(given.id, 'w'))!;
    await worker.finish(given.id, claimed.attempt, succeeded(Buffer.from([0, 255, 1])));
    await due.promise;
    const record = (await gateway.read(given.id))!;
    expect(record.webhook).toMatchObject({ status: 'pending', attempts: [], nextAt: record.finishedAt });
    const first = await takeOne(worker);
    expect(first).toEqual({
      subject: { kind: 'job', job: record },
      webhookId: `msg_${given.id}`,
      url: given.webhookUrl,
      attempt: 1,
      endedAt: record.finishedAt,
    });
    expect(await worker.leaseWebhooks(9, 9, LONG)).toEqual([]);
    const failed: WebhookOutcome = {
      status: 'pending',
      nextAt: Date.now() + 30,
      attempt: { at: 17, status: null, error: 'no answer\nin time', ms: 9.5 },
    };
    expect(await worker.reportWebhook(first, failed)).toBe(true);
    expect(await webhook()).toEqual({
      url: given.webhookUrl,
      status: 'pending',
      attempts: [failed.attempt],
      nextAt: expect.any(Number),
    });
    await expect.poll(() => takeOne(worker), { interval: 5 }).toBeTruthy();
    await endLeases(rig.prefix);
    const third = await takeOne(worker);
    expect(third).toMatchObject({
      webhookId: first.webhookId,
      attempt: 3,
      subject: { job: { result: record.result } },
    });
    expect(await worker.reportWebhook(third, { ...delivered, attempt: tried(204, 18) })).toBe(true);
    expect(await webhook()).toMatchObject({
      status: 'delivered',
      attempts: [failed.attempt, tried(204, 18)],
      nextAt: null,
    });
    expect(await worker.leaseWebhooks(9, 9, LONG)).toEqual([]);
    await sound(rig);
  });

  it.each(['delivered', 'failed', 'gone'] as const)('ends %s, and its bytes are returned', async (status) => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const worker = await rig.worker();
    const given = job({ webhookUrl: 'https://a.example/' });
    await gateway.submit(given);
    const { attempt } = (await worker.claim(given.id, 'w'))!;
    const before = (await gateway.snapshot()).resultBytes;
    await worker.finish(given.id, attempt, succeeded(Buffer.alloc(5000)));
    const bytes = async () => Number(await raw.hget(`${rig.prefix}:stats`, 'resultBytes'));
    // The job's record and the delivery's copy.
    expect(await bytes()).toBeGreaterThanOrEqual(before + 10_000);
    const delivery = await takeOne(worker);
    for (let i = 0; i < 3; i++) expect(await worker.reportWebhook(delivery, { status, attempt: tried(1) })).toBe(true);
    expect(await bytes()).toBe(before + 5000);
    expect((await gateway.read(given.id))!.webhook).toEqual({
      url: given.webhookUrl,
      status,
      attempts: [tried(1)],
      nextAt: null,
    });
    await sound(rig);
  });

  it('outlives the job’s record, with its result', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway({ resultTtlMs: 1 });
    const worker = await rig.worker();
    const given = job({ webhookUrl: 'https://a.example/' });
    await gateway.submit(given);
    const { attempt } = (await worker.claim(given.id, 'w'))!;
    await worker.finish(given.id, attempt, succeeded(Buffer.from('faces')));
    await expect.poll(() => gateway.read(given.id), { timeout: 10_000 }).toBeNull();
    const first = await takeOne(worker);
    expect(jobOf(first)).toMatchObject({ status: 'succeeded', result: Buffer.from('faces'), image: IMAGE });
    expect(await worker.reportWebhook(first, retry(0))).toBe(true);
    const second = await takeOne(worker);
    expect(jobOf(second).webhook!.attempts).toEqual([tried(500)]);
    expect(await worker.reportWebhook(second, delivered)).toBe(true);
    // Reported again after a lost reply: no record is left that could confirm it, and none is written.
    expect(await worker.reportWebhook(second, delivered)).toBe(false);
    await sound(rig);
    expect((await gateway.snapshot()).resultBytes).toBe(0);
  });

  it('keeps the last ten attempts', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const worker = await rig.worker();
    const [given] = await ended(gateway, 'https://a.example/');
    for (let i = 1; i <= 12; i++) await worker.reportWebhook(await takeOne(worker), retry(0, i));
    const { attempts } = (await gateway.read(given!.id))!.webhook!;
    expect(attempts.map((each) => each.status)).toEqual([3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(jobOf(await takeOne(worker)).webhook!.attempts).toEqual(attempts);
  });

  it('is leased when it is due, not before, and workers are notified', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const worker = await rig.worker();
    await ended(gateway, 'https://a.example/');
    await worker.reportWebhook(await takeOne(worker), retry(LONG));
    expect(await worker.leaseWebhooks(9, 9, LONG)).toEqual([]);
    await sound(rig);
    // As if the minute had passed.
    for (const key of ['hosts', 'pending:a.example'])
      await raw.zadd(`${rig.prefix}:${key}`, 1, (await raw.zrange(`${rig.prefix}:${key}`, 0, '0'))[0]!);
    const notified = Promise.withResolvers<void>();
    const stop = worker.onWebhookDue(notified.resolve);
    await notified.promise;
    stop();
    expect(await takeOne(worker)).toMatchObject({ attempt: 2 });
  });
});

describe('a lease', () => {
  it('that ends passes the webhook to another worker, and the first one’s report is refused', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const [one, two] = [await rig.worker(), await rig.worker()];
    const [given] = await ended(gateway, 'https://a.example/');
    const stale = await takeOne(one, 1);
    await expect.poll(() => two.leaseWebhooks(1, 1, LONG), { interval: 2 }).toMatchObject([{ attempt: 2 }]);
    expect(await one.reportWebhook(stale, delivered)).toBe(false);
    expect((await gateway.read(given!.id))!.webhook).toMatchObject({ status: 'pending', attempts: [] });
    await sound(rig);
  });

  it('that ended counts while nobody else has leased the webhook', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const worker = await rig.worker();
    // Among webhooks of one millisecond none has waited longer: hence a clock that moves on.
    const [slow] = await ended(gateway, 'https://a.example/');
    await nextMillisecond();
    const [back] = await ended(gateway, 'https://a.example/');
    const first = await takeOne(worker);
    expect(jobOf(first).id).toBe(slow!.id);
    await nextMillisecond();
    await endLeases(rig.prefix);
    // The call that finds the lease over serves the webhook that has waited longer.
    expect(await takeOne(worker)).toMatchObject({ subject: { job: { id: back!.id } } });
    expect(await worker.reportWebhook(first, delivered)).toBe(true);
    expect((await gateway.read(slow!.id))!.webhook!.status).toBe('delivered');
    await sound(rig);
  });

  it('of a worker that died frees the host’s place', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const dead = await rig.worker();
    const worker = await rig.worker();
    const jobs = await ended(gateway, ...many(4, 'https://a.example/'));
    expect(await dead.leaseWebhooks(9, 2, 4000)).toHaveLength(2);
    await dead.close();
    expect(await worker.leaseWebhooks(9, 2, LONG)).toEqual([]);
    const taken: WebhookDelivery[] = [];
    await expect
      .poll(
        async () => {
          for (const each of await worker.leaseWebhooks(9, 2, LONG)) {
            taken.push(each);
            await worker.reportWebhook(each, delivered);
          }
          return taken.length;
        },
        { timeout: 15_000 },
      )
      .toBe(4);
    expect(new Set(taken.map((each) => jobOf(each).id))).toEqual(new Set(jobs.map((each) => each.id)));
    expect(taken.map((each) => each.attempt).sort()).toEqual([1, 1, 2, 2]);
    await sound(rig);
  });
});

describe('a report that is repeated after a lost reply', () => {
  it('is confirmed and changes nothing, though the webhook is still to be delivered', async () => {
    const by = new ScriptHarness(raw, `{fq-${randomUUID()}}`);
    await deliverable(by, 'j', 'a.example');
    await by.scripts.run(leaseScript, { max: 1, perHost: 9, leaseMs: LONG });
    const report = { id: 'j', attempt: 1, status: 'pending', attemptJson: tried(500), nextInMs: LONG, logLength: 10 };
    expect(await by.scripts.run(reportScript, report)).toBe(true);
    const before = await dump(raw, by.prefix);
    await nextMillisecond();
    expect(await by.scripts.run(reportScript, report)).toBe(true);
    expect(await dump(raw, by.prefix)).toEqual(before);
  });
});

describe('a worker that has lost the lease of a webhook', () => {
  const lease = async (by: ScriptHarness) => {
    const [delivery] = await by.scripts.run(leaseScript, { max: 1, perHost: 9, leaseMs: LONG });
    return delivery;
  };
  const report = (by: ScriptHarness, attempt: number, status: WebhookOutcome['status']) =>
    by.scripts.run(reportScript, {
      id: 'j',
      attempt,
      status,
      attemptJson: tried(status === 'delivered' ? 200 : 500),
      nextInMs: LONG,
      logLength: 10,
    });
  const losses: Record<string, (by: ScriptHarness) => Promise<unknown>> = {
    'another worker has leased it since': async (by) => {
      await endLeases(by.prefix);
      expect(await lease(by)).toMatchObject({ attempt: 2 });
    },
    'another worker has reported since that it must be retried': async (by) => {
      await endLeases(by.prefix);
      await lease(by);
      expect(await report(by, 2, 'pending')).toBe(true);
    },
    'another worker has delivered it since': async (by) => {
      await endLeases(by.prefix);
      await lease(by);
      expect(await report(by, 2, 'delivered')).toBe(true);
    },
    'its job was erased': (by) => by.erase('j', 'o'),
  };

  it.each(Object.keys(losses))('reports nothing once %s', async (how) => {
    const by = new ScriptHarness(raw, `{fq-${randomUUID()}}`);
    await deliverable(by, 'j', 'a.example');
    expect(await lease(by)).toMatchObject({ attempt: 1 });
    await losses[how]!(by);
    const before = await dump(raw, by.prefix);
    for (const status of ['pending', 'delivered', 'failed', 'gone'] as const) {
      expect(await report(by, 1, status), status).toBe(false);
      expect(await dump(raw, by.prefix), status).toEqual(before);
    }
    expect((await audit(redis.url, by.prefix)).findings).toEqual([]);
  });

  it('agrees with the worker that leases it at the same time on who has it, 300 times', async () => {
    const other = new Redis(redis.url);
    const old = new ScriptHarness(raw, `{fq-${randomUUID()}}`);
    const next = new ScriptHarness(other, old.prefix);
    let reported = 0;
    for (let round = 0; round < 300; round++) {
      await deliverable(old, 'j', 'a.example');
      await lease(old);
      await endLeases(old.prefix);
      const calls = [() => report(old, 1, 'gone'), async () => (await lease(next))?.attempt ?? null];
      if (round % 2) calls.reverse();
      const answers = await Promise.all(calls.map((call) => call()));
      const [done, attempt] = round % 2 ? answers.toReversed() : answers;
      expect(attempt).toBe(done ? null : 2);
      if (done) reported++;
      else expect(await report(next, 2, 'delivered')).toBe(true);
      expect(await raw.hget(old.key('job:j'), 'webhookStatus')).toBe(done ? 'gone' : 'delivered');
      await old.erase('j', 'o');
    }
    expect(reported).toBeGreaterThan(0);
    expect(reported).toBeLessThan(300);
    expect((await audit(redis.url, old.prefix)).findings).toEqual([]);
    other.disconnect();
  });
});

describe('receivers', () => {
  it('get no more than their share at a time, over all workers', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const workers = [await rig.worker(), await rig.worker()];
    await ended(gateway, ...many(30, 'https://a.example/x'), ...many(30, 'https://b.example/y'));
    let most = 0;
    const inFlight = new Map<string, number>();
    let left = 60;
    await Promise.all(
      workers.map(async (worker) => {
        while (left > 0) {
          const taken = await worker.leaseWebhooks(7, 4, LONG);
          for (const { url } of taken) {
            const count = (inFlight.get(url) ?? 0) + 1;
            inFlight.set(url, count);
            most = Math.max(most, count);
          }
          for (const each of taken) {
            // Before the report: as soon as it is in, another may be out.
            inFlight.set(each.url, inFlight.get(each.url)! - 1);
            left--;
            await worker.reportWebhook(each, delivered);
          }
        }
      }),
    );
    expect(most).toBe(4);
    await sound(rig);
  });

  it('share: one with a thousand pending and no answer delays no other', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const worker = await rig.worker();
    const by = new ScriptHarness(raw, rig.prefix);
    for (let i = 0; i < 1000; i++) await deliverable(by, `dead-${i}`, 'dead.example');
    for (let i = 0; i < 3; i++) {
      const hung = await worker.leaseWebhooks(8, 4, LONG);
      expect(hung.map((each) => each.url)).toEqual(i === 0 ? many(4, 'https://dead.example/') : []);
    }
    const [one, two] = await ended(gateway, 'https://live.example/', 'https://other.example:8443/');
    expect((await worker.leaseWebhooks(8, 4, LONG)).map((each) => jobOf(each).id)).toEqual([one!.id, two!.id]);
    await sound(rig);
  });

  it('take turns while all of them have work', async () => {
    await using rig = new Rig(redis.url);
    await rig.gateway();
    const worker = await rig.worker();
    const by = new ScriptHarness(raw, rig.prefix);
    for (let i = 0; i < 100; i++) await deliverable(by, `first-${i}`, 'a.example');
    for (const host of ['b.example', 'c.example']) {
      for (let i = 0; i < 10; i++) await deliverable(by, `${host}-${i}`, host);
    }
    const served: string[] = [];
    for (let i = 0; i < 30; i++) {
      served.push(new URL((await worker.leaseWebhooks(1, 100, LONG))[0]!.url).host);
      await nextMillisecond();
    }
    // About ten each. Which of two served in the same millisecond comes first is not fair: hence a clock that moves on.
    for (const host of ['a.example', 'b.example', 'c.example'])
      expect(served.filter((each) => each === host).length).toBeGreaterThan(4);
  });

  it('keep their place when another webhook of theirs becomes due', async () => {
    const by = new ScriptHarness(raw, `{fq-${randomUUID()}}`);
    for (const [id, host] of [
      ['a1', 'a.example'],
      ['b1', 'b.example'],
      ['a2', 'a.example'],
    ] as const) {
      await deliverable(by, id, host);
      await nextMillisecond();
    }
    const [first] = await by.scripts.run(leaseScript, { max: 1, perHost: 9, leaseMs: LONG });
    expect(jobOf(first!).id).toBe('a1');
  });

  it('with a retry in an hour get the next webhook at once', async () => {
    await using rig = new Rig(redis.url);
    const gateway = await rig.gateway();
    const worker = await rig.worker();
    await ended(gateway, 'https://a.example/');
    await worker.reportWebhook(await takeOne(worker), retry(3_600_000));
    const [next] = await ended(gateway, 'https://a.example/');
    expect(await takeOne(worker)).toMatchObject({ subject: { job: { id: next!.id } } });
  });
});

describe('webhooks that nobody delivers', () => {
  it('refuse jobs of their receiver at seven eighths of an eighth of the result bytes, of any receiver at seven eighths of a half, and none without a webhook', async () => {
    await using rig = new Rig(redis.url);
    // Room for 80 deliveries of an empty result: 10 of a host, 40 of all. One flow alone leaves an eighth.
    const gateway = await rig.gateway({ limits: { ...ROOMY, maxResultBytes: 80 * 2048 } });
    const refused = (text: string) => ({ code: 'queue_full', message: text });
    await ended(gateway, ...many(8, 'https://dead-3.example/'));
    for (let host = 0; host < 3; host++) {
      const url = `https://dead-${host}.example/`;
      await ended(gateway, ...many(9, url));
      await expect(gateway.submit(job({ webhookUrl: url }))).rejects.toMatchObject(
        refused('too many webhooks of this receiver wait to be delivered'),
      );
    }
    await expect(gateway.submit(job({ webhookUrl: 'https://fine.example/' }))).rejects.toMatchObject(
      refused('too many webhooks wait to be delivered'),
    );
    await gateway.submit(job());
    await gateway.submit(job({ queue: 'bulk' }));
    const worker = await rig.worker();
    for (const each of await worker.leaseWebhooks(40, 10, LONG)) await worker.reportWebhook(each, delivered);
    await gateway.submit(job({ webhookUrl: 'https://dead-1.example/' }));
    await sound(rig);
  });
});

describe('deliveries', () => {
  it('keep every count and place right, in any sequence of events', { timeout: 120_000 }, async () => {
    const host = fc.constantFrom('a', 'b', 'c');
    const which = fc.nat(20);
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ kind: fc.constant('end' as const), host }) },
      {
        weight: 3,
        arbitrary: fc.record({
          kind: fc.constant('lease' as const),
          max: fc.integer({ min: 1, max: 4 }),
          perHost: fc.integer({ min: 1, max: 3 }),
        }),
      },
      {
        weight: 4,
        arbitrary: fc.record({
          kind: fc.constant('report' as const),
          which,
          status: fc.constantFrom('pending', 'delivered', 'failed', 'gone'),
          delay: fc.constantFrom(0, LONG),
        }),
      },
      { weight: 1, arbitrary: fc.constant({ kind: 'leases end' as const }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('erase' as const), which }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('forget' as const), which }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25 }), async (steps) => {
        const prefix = `{fq-${randomUUID()}}`;
        const by = new ScriptHarness(raw, prefix);
        const ids: string[] = [];
        /** Leases given out, the newest of each id last. */
        const leases: { id: string; attempt: number }[] = [];
        for (const now of steps) {
          const id = ids[('which' in now ? now.which : 0) % Math.max(1, ids.length)] ?? 'none';
          if (now.kind === 'end') {
            ids.push(`j${ids.length}`);
            await deliverable(by, ids.at(-1)!, now.host);
          } else if (now.kind === 'lease') {
            const taken = await by.scripts.run(leaseScript, { max: now.max, perHost: now.perHost, leaseMs: LONG });
            expect(taken.length).toBeLessThanOrEqual(now.max);
            for (const delivery of taken) {
              const { id: taking } = jobOf(delivery);
              const earlier = leases.filter((each) => each.id === taking);
              expect(delivery.attempt).toBe(earlier.length + 1);
              leases.push({ id: taking, attempt: delivery.attempt });
            }
            for (const { url } of taken) {
              expect(await raw.zcard(`${prefix}:leases:${new URL(url).host}`)).toBeLessThanOrEqual(now.perHost);
            }
          } else if (now.kind === 'report') {
            const lease = leases[now.which % Math.max(1, leases.length)];
            if (!lease) continue;
            const newest = leases.findLast((each) => each.id === lease.id)!.attempt === lease.attempt;
            const there = (await raw.exists(`${prefix}:delivery:${lease.id}`)) === 1;
            const seen = Number(
              (await raw.hget(`${prefix}:delivery:${lease.id}`, 'webhookReported')) ??
                (await raw.hget(`${prefix}:job:${lease.id}`, 'webhookReported')),
            );
            const reported = await by.scripts.run(reportScript, {
              id: lease.id,
              attempt: lease.attempt,
              status: now.status,
              attemptJson: { at: 0, status: 200, error: null, ms: 0 },
              nextInMs: now.delay,
              logLength: 10,
            });
            expect(reported).toBe((there && newest) || seen === lease.attempt);
          } else if (now.kind === 'leases end') await endLeases(prefix);
          else if (now.kind === 'erase') await by.erase(id, 'o', LONG);
          else {
            await raw.zadd(`${prefix}:due`, 'XX', 1, id);
            await by.scripts.run(sweepScript, { max: 10 });
          }
        }
        expect((await audit(redis.url, prefix)).findings).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });
});

/** A job with a webhook that has ended with a result of three bytes, by scripts alone: nothing of it is in BullMQ. */
async function deliverable(by: ScriptHarness, id: string, host: string): Promise<void> {
  await by.submit(id, { webhookUrl: `https://${host}/`, webhookHost: host });
  await by.claim(id);
  await by.finish(id, 1, 'succeeded', 'res');
}
