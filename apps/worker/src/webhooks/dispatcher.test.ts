import { getEventListeners } from 'node:events';
import { Registry } from '@facequeue/metrics';
import { newJobId, type WorkerQueue } from '@facequeue/queue';
import { BatchEvent, DEFAULT_DETECTION_OPTIONS, JobEvent, type TerminalStatus } from '@facequeue/schema';
import { batchResource } from '@facequeue/schema/batch-resource';
import { encodeResult } from '@facequeue/schema/result-codec';
import { createLogger } from '@facequeue/service';
import { createGuardedPoster, parseAllowEntry } from '@facequeue/source';
import { sleep } from '@facequeue/time';
import { Redis } from 'ioredis';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parseExposition, seriesValue } from '../../../../test/support/metrics/exposition.ts';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { freshInstallation } from '../testing/installation.ts';
import { type DispatcherOptions, startDispatcher } from './dispatcher.ts';
import { RETRY_SCHEDULE } from './retry-schedule.ts';
import { type Message, startReceiver } from './testing/receiver.ts';

const secretOf = (letter: string) => `whsec_${Buffer.alloc(32, letter).toString('base64')}`;
const OPEN = secretOf('o');
const OLD = secretOf('a');
const NEW = secretOf('b');
const SECRETS = new Map([
  ['', [OPEN]],
  ['shop', [OLD, NEW]],
]);
const RESULT = { Faces: [], FaceModelVersion: '1.0.0' };
const DAY_MS = 24 * 3600e3;

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis.stop());

/** A gateway's queue, workers' queues and dispatchers on a fresh installation. */
async function installation() {
  const stack = new AsyncDisposableStack();
  const { queue: gateway, workerQueue, submit } = stack.use(await freshInstallation(redis));
  const worker = await workerQueue();

  /** Submits a job and ends it. */
  const ended = async (url: string, { status = 'succeeded' as TerminalStatus, owner = '' } = {}) => {
    const id = await submit({ owner, startTimeoutMs: status === 'expired' ? 1 : 60_000, webhookUrl: url });
    if (status === 'canceled') await gateway.cancel(id);
    if (status === 'succeeded' || status === 'failed') await finish(worker, id, status);
    return id;
  };

  /** Creates a batch of one item that fails when it is appended, and ends it. */
  const batch = async (webhookUrl: string, status: 'finished' | 'canceled') => {
    const id = newJobId();
    const { batches } = gateway;
    const [owner, requestId] = ['shop', 'req-1'];
    await batches.create({ id, owner, requestId, options: DEFAULT_DETECTION_OPTIONS, open: true, webhookUrl });
    const content = { kind: 'error' as const, code: 'invalid_request' as const, detail: 'is not JSON' };
    await batches.append(id, owner, [{ name: 'a', line: 1, content }], 'fail');
    await batches.settle(id);
    await (status === 'canceled' ? batches.cancel(id, owner) : batches.close(id, owner));
    return id;
  };

  /** Starts a dispatcher that retries at once by default. */
  const dispatcher = async (more: Partial<DispatcherOptions> & { allow?: string[]; timeoutMs?: number } = {}) => {
    const { allow = ['127.0.0.1'], timeoutMs = 10_000, ...options } = more;
    const poster = createGuardedPoster({
      connectMs: 2000,
      totalMs: timeoutMs,
      allow: allow.map((entry) => parseAllowEntry(entry)!),
    });
    const started = startDispatcher({
      queue: options.queue ?? (await workerQueue()),
      poster,
      secrets: SECRETS,
      basePath: '/prod',
      schedule: { delaysMs: [1, 1, 1], forMs: DAY_MS },
      concurrency: 16,
      slowMs: 1000,
      leaseMs: 30_000,
      log: createLogger('worker', 'silent'),
      metrics: new Registry('worker'),
      now: Date.now,
      random: () => 0.5,
      ...options,
    });
    stack.defer(async () => {
      started.abandon();
      await started.close();
      await poster.close();
    });
    return started;
  };

  const webhook = async (id: string) => (await gateway.read(id))!.webhook!;
  const settled = async (id: string, status: string) => {
    await vi.waitFor(async () => expect((await webhook(id)).status).toBe(status), { timeout: 20_000, interval: 5 });
    return webhook(id);
  };
  return {
    gateway,
    worker,
    ended,
    batch,
    dispatcher,
    webhook,
    settled,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

async function finish(worker: WorkerQueue, id: string, status: 'succeeded' | 'failed') {
  const raw = new Redis(redis.url);
  const [key] = await raw.keys(`*:job:${id}`);
  const token = await raw.hget(key!, 'ticket');
  raw.disconnect();
  const { attempt } = (await worker.claim(token ?? id, 'w'))!;
  await worker.start(id, attempt);
  const image = { width: 4, height: 3, format: 'png' as const, bytes: 5, orientation: 1 };
  await worker.finish(
    id,
    attempt,
    status === 'succeeded'
      ? { status, result: encodeResult(RESULT), image, timings: { detect: 1 } }
      : { status, error: { code: 'image_undecodable', detail: 'the png is cut off' } },
  );
}

const verified = (message: Message, secret = OPEN) => {
  return JobEvent.strict().parse(new Webhook(secret).verify(message.body, message.headers));
};

describe('attempts', () => {
  it('are counted by their outcome', async () => {
    const metrics = new Registry('worker');
    const counts = async () => {
      const families = parseExposition(await metrics.text());
      const of = (outcome: string) => seriesValue(families, 'facequeue_webhook_tries_total', { outcome });
      return Object.fromEntries(['delivered', 'retry', 'failed', 'gone', 'lost'].map((name) => [name, of(name)]));
    };
    await using here = await installation();
    await using flaky = await startReceiver((count) => (count === 1 ? 500 : 200));
    await using closed = await startReceiver(() => 410);
    await here.dispatcher({ metrics });
    await here.settled(await here.ended(flaky.url), 'delivered');
    await here.settled(await here.ended(closed.url), 'gone');
    await here.settled(await here.ended('http://10.0.0.1/hook'), 'failed');
    await expect.poll(counts).toEqual({ delivered: 1, retry: 1, failed: 1, gone: 1, lost: 0 });
  });
});

describe('an attempt whose webhook another worker has leased since', () => {
  it('is counted as lost, and what it learned is not recorded', async () => {
    const metrics = new Registry('worker');
    await using here = await installation();
    let answer = () => {};
    await using receiver = await startReceiver((count) =>
      count === 1 ? (response) => (answer = () => response.writeHead(410).end()) : 500,
    );
    const slow = await here.dispatcher({ metrics, leaseMs: 100, concurrency: 1, slowMs: Number.POSITIVE_INFINITY });
    const id = await here.ended(receiver.url);
    await receiver.got(1);
    await here.dispatcher({ schedule: { delaysMs: [60_000, 60_000], forMs: DAY_MS } });
    await receiver.got(2);
    await vi.waitFor(async () => expect((await here.webhook(id)).attempts).toHaveLength(1), { timeout: 10_000 });
    const before = await here.webhook(id);
    expect(before).toMatchObject({ status: 'pending', attempts: [{ status: 500 }] });
    answer();
    // It reports before it closes.
    await slow.close();
    expect(await here.webhook(id)).toEqual(before);
    const counted = parseExposition(await metrics.text());
    const of = (outcome: string) => seriesValue(counted, 'facequeue_webhook_tries_total', { outcome });
    expect([of('lost'), of('gone')]).toEqual([1, 0]);
  });
});

describe('a webhook', () => {
  it('reports how the job ended, as GET /jobs/{id} shows it, signed so that the receiver can verify it', async () => {
    await using here = await installation();
    await using receiver = await startReceiver();
    await here.dispatcher();
    const id = await here.ended(receiver.url);
    await receiver.got(1);
    const [message] = receiver.messages as [Message];
    const record = (await here.gateway.read(id))!;
    expect(message.path).toBe('/hook?token=t0ken');
    expect(message.headers).toMatchObject({ 'content-type': 'application/json', 'webhook-id': `msg_${id}` });
    expect(verified(message)).toEqual({
      type: 'job.succeeded',
      timestamp: new Date(record.finishedAt!).toISOString(),
      data: expect.objectContaining({
        id,
        status: 'succeeded',
        result: RESULT,
        error: null,
        expires_at: new Date(record.expiresAt).toISOString(),
        links: { self: `/prod/jobs/${id}`, events: `/prod/jobs/${id}/events`, cancel: `/prod/jobs/${id}/cancel` },
      }),
    });
    expect(await here.settled(id, 'delivered')).toMatchObject({
      nextAt: null,
      attempts: [{ at: expect.any(Number), status: 204, error: null, ms: expect.any(Number) }],
    });
  });

  it.each([
    ['failed', 'image_undecodable'],
    ['canceled', 'canceled'],
    ['expired', 'expired'],
  ] as const)('reports a job that %s, with its error', async (status, code) => {
    await using here = await installation();
    await using receiver = await startReceiver();
    await here.dispatcher();
    const id = await here.ended(receiver.url, { status });
    await receiver.got(1);
    expect(verified(receiver.messages[0]!)).toMatchObject({
      type: `job.${status}`,
      data: { id, status, result: null, error: { code, job_id: id } },
    });
  });

  it.each(['finished', 'canceled'] as const)(
    'reports a batch that is %s, as GET /batches/{id} shows it',
    async (status) => {
      await using here = await installation();
      await using receiver = await startReceiver();
      await here.dispatcher();
      const id = await here.batch(receiver.url, status);
      await receiver.got(1);
      const [message] = receiver.messages as [Message];
      expect(message.headers['webhook-id']).toBe(`msg_${id}`);
      const record = (await here.gateway.batches.read(id, 'shop'))!;
      expect(BatchEvent.strict().parse(new Webhook(NEW).verify(message.body, message.headers))).toEqual({
        type: 'batch.finished',
        timestamp: new Date(record.finishedAt!).toISOString(),
        data: batchResource({ ...record, webhook: null }, '/prod'),
      });
      expect(record).toMatchObject({ status, counts: { total: 1, failed: 1 } });
      await expect
        .poll(async () => (await here.gateway.batches.read(id, 'shop'))!.webhook)
        .toMatchObject({ status: 'delivered' });
    },
  );

  it('that fails is retried with the same id and body and a new timestamp, until it succeeds', async () => {
    await using here = await installation();
    await using receiver = await startReceiver((count) => (count < 4 ? [500, 404, 429][count - 1]! : 200));
    await here.dispatcher({ schedule: { delaysMs: [1100, 1, 1], forMs: DAY_MS } });
    const id = await here.ended(receiver.url);
    await receiver.got(4);
    expect(new Set(receiver.messages.map(({ headers }) => headers['webhook-id']))).toEqual(new Set([`msg_${id}`]));
    expect(new Set(receiver.messages.map(({ body }) => body)).size).toBe(1);
    const [first, second] = receiver.messages.map(({ headers }) => Number(headers['webhook-timestamp']));
    expect(second).toBeGreaterThan(first!);
    for (const message of receiver.messages) verified(message);
    expect(await here.settled(id, 'delivered')).toMatchObject({
      attempts: [
        { status: 500, error: 'the receiver answered 500' },
        { status: 404 },
        { status: 429 },
        { status: 200, error: null },
      ],
    });
  });

  it('that never succeeds ends failed after its last attempt', async () => {
    await using here = await installation();
    await using receiver = await startReceiver(() => 503);
    await here.dispatcher();
    const id = await here.ended(receiver.url);
    const webhook = await here.settled(id, 'failed');
    expect(webhook.attempts).toHaveLength(4);
    expect(webhook.nextAt).toBeNull();
    expect(receiver.messages).toHaveLength(4);
  });

  it('is first retried after about five seconds', async () => {
    await using here = await installation();
    await using receiver = await startReceiver(() => 500);
    await here.dispatcher({ schedule: RETRY_SCHEDULE });
    const id = await here.ended(receiver.url);
    await expect.poll(async () => (await here.webhook(id)).attempts).toHaveLength(1);
    const { attempts, nextAt, status } = await here.webhook(id);
    expect(status).toBe('pending');
    expect(nextAt! - attempts[0]!.at - attempts[0]!.ms).toBeGreaterThanOrEqual(4400);
    expect(nextAt! - attempts[0]!.at - attempts[0]!.ms).toBeLessThan(10_000);
  });

  it.each([301, 302, 307, 308])('does not follow a redirect with status %i', async (status) => {
    await using here = await installation();
    await using other = await startReceiver();
    await using receiver = await startReceiver(
      () => (response) => response.writeHead(status, { location: other.url }).end(),
    );
    await here.dispatcher();
    const id = await here.ended(receiver.url);
    expect(await here.settled(id, 'failed')).toMatchObject({
      attempts: expect.arrayContaining([
        expect.objectContaining({ status, error: `the receiver answered ${status}; redirects are not followed` }),
      ]),
    });
    expect(other.connections()).toBe(0);
  });

  it('is not sent again to a receiver that answers 410', async () => {
    await using here = await installation();
    await using receiver = await startReceiver(() => 410);
    await here.dispatcher();
    const id = await here.ended(receiver.url);
    expect(await here.settled(id, 'gone')).toMatchObject({ nextAt: null, attempts: [{ status: 410 }] });
    expect(receiver.messages).toHaveLength(1);
  });

  it('to an address that is not public fails at its first attempt, with the reason and without a connection', async () => {
    await using here = await installation();
    await using receiver = await startReceiver();
    await here.dispatcher({ allow: [] });
    const id = await here.ended(receiver.url);
    const webhook = await here.settled(id, 'failed');
    expect(webhook.attempts).toMatchObject([{ status: null, error: expect.stringContaining('not public') }]);
    expect(webhook.attempts[0]!.error).not.toContain('127.0.0.1');
    expect(receiver.connections()).toBe(0);
  });

  it('to a receiver that hangs times out and is retried', async () => {
    await using here = await installation();
    await using receiver = await startReceiver((count) => (count === 1 ? 'hang' : 200));
    await here.dispatcher({ timeoutMs: 1500 });
    const id = await here.ended(receiver.url);
    const { attempts } = await here.settled(id, 'delivered');
    // Another one may be too slow on a machine that stops for a second.
    for (const attempt of attempts.slice(0, -1))
      expect(attempt).toMatchObject({ status: null, error: 'the receiver did not answer within 1.5 s' });
    expect(attempts.length).toBeGreaterThan(1);
    expect(attempts.at(-1)).toMatchObject({ status: 200 });
  });

  it('is retried when the receiver asks, within the day', async () => {
    await using here = await installation();
    const later = new Date(Date.now() + 7200e3).toUTCString();
    const asks = { '/seconds': '3600', '/date': later, '/never': '999999' };
    await using receiver = await startReceiver(
      (count) => (response) =>
        response.writeHead(503, { 'retry-after': asks[receiver.messages[count - 1]!.path as keyof typeof asks] }).end(),
    );
    await here.dispatcher();
    const [seconds, date, never] = await Promise.all(
      Object.keys(asks).map(async (path) => {
        const id = await here.ended(`http://${receiver.host}${path}`);
        await expect.poll(async () => (await here.webhook(id)).attempts).toHaveLength(1);
        const { finishedAt, webhook } = (await here.gateway.read(id))!;
        const since = path === '/date' ? Date.parse(later) : finishedAt!;
        return (webhook!.nextAt! - since) / 1000;
      }),
    );
    expect(seconds).toBeGreaterThanOrEqual(3600);
    expect(seconds).toBeLessThan(3600 * 1.2 + 60);
    expect(date).toBeGreaterThanOrEqual(0);
    expect(date).toBeLessThan(7200 * 0.2 + 60);
    expect(never).toBeGreaterThan(86_400 - 2);
    expect(never).toBeLessThan(86_400 + 2);
  });

  it('is signed with every secret of the API key of its job, and no other', async () => {
    await using here = await installation();
    await using receiver = await startReceiver();
    await here.dispatcher();
    await here.ended(receiver.url, { owner: 'shop' });
    await receiver.got(1);
    const [message] = receiver.messages as [Message];
    for (const secret of [OLD, NEW]) expect(verified(message, secret).type).toBe('job.succeeded');
    expect(() => verified(message, OPEN)).toThrow('No matching signature');
    expect(message.headers['webhook-signature']).toMatch(/^v1,\S+ v1,\S+$/);
  });

  it('without a secret to sign it is not sent, shows the reason, and is sent once there is a secret', async () => {
    await using here = await installation();
    await using receiver = await startReceiver();
    const bare = await here.dispatcher({ schedule: { delaysMs: [3000, 1, 1, 1], forMs: DAY_MS }, secrets: new Map() });
    const id = await here.ended(receiver.url);
    await expect
      .poll(async () => (await here.webhook(id)).attempts[0])
      .toMatchObject({ status: null, error: expect.stringContaining('WEBHOOK_SECRETS') });
    await bare.close();
    expect(receiver.connections()).toBe(0);
    await here.dispatcher();
    await here.settled(id, 'delivered');
  });
});

describe('dispatchers', () => {
  it('keep a dead receiver with hundreds of webhooks from delaying another host', async () => {
    await using here = await installation();
    await using dead = await startReceiver(() => 'hang');
    await using alive = await startReceiver();
    for (let i = 0; i < 300; i++) await here.ended(dead.url, { status: 'canceled' });
    for (let i = 0; i < 2; i++) await here.dispatcher({ timeoutMs: 60_000, leaseMs: 120_000 });
    await dead.got(4);
    const ids = [];
    for (let i = 0; i < 20; i++) ids.push(await here.ended(alive.url, { status: 'canceled' }));
    // The first attempts at the dead receiver still hang when the last of these is delivered.
    await Promise.all(ids.map((id) => here.settled(id, 'delivered')));
    expect(dead.messages).toHaveLength(4);
    expect(dead.peak()).toBe(4);
  });

  it('keep many dead receivers from delaying another one: each attempt leaves its place after a second', async () => {
    await using here = await installation();
    const dead = await Promise.all(Array.from({ length: 5 }, () => startReceiver(() => 'hang')));
    await using alive = await startReceiver();
    for (const { url } of dead) for (let i = 0; i < 4; i++) await here.ended(url, { status: 'canceled' });
    await here.dispatcher({ timeoutMs: 60_000, leaseMs: 120_000 });
    await Promise.all(dead.map((receiver) => receiver.got(4)));
    const id = await here.ended(alive.url, { status: 'canceled' });
    await here.settled(id, 'delivered');
    for (const receiver of dead) await receiver[Symbol.asyncDispose]();
  });

  it('keep to their concurrency, and send each webhook once', async () => {
    await using here = await installation();
    const pending: (() => void)[] = [];
    const receivers = await Promise.all(
      Array.from({ length: 3 }, () => startReceiver(() => (response) => pending.push(() => response.end()))),
    );
    for (const receiver of receivers)
      for (let i = 0; i < 4; i++) await here.ended(receiver.url, { status: 'canceled' });
    await here.dispatcher({ concurrency: 2, slowMs: Number.POSITIVE_INFINITY });
    const total = () => receivers.reduce((sum, { messages }) => sum + messages.length, 0);
    for (let done = 0; done < 12; done++) {
      await vi.waitFor(() => expect(total()).toBeGreaterThan(done), { timeout: 10_000, interval: 1 });
      expect(total()).toBeLessThanOrEqual(done + 2);
      pending.shift()!();
    }
    expect(total()).toBe(12);
    const ids = receivers.flatMap(({ messages }) => messages.map(({ headers }) => headers['webhook-id']));
    expect(new Set(ids).size).toBe(12);
    for (const receiver of receivers) await receiver[Symbol.asyncDispose]();
  });

  it('have at most three times as many attempts waiting for slow receivers as their concurrency', async () => {
    await using here = await installation();
    const dead = await Promise.all(Array.from({ length: 3 }, () => startReceiver(() => 'hang')));
    for (const { url } of dead) for (let i = 0; i < 3; i++) await here.ended(url, { status: 'canceled' });
    await here.dispatcher({ concurrency: 1, slowMs: 20, timeoutMs: 60_000, leaseMs: 120_000 });
    const total = () => dead.reduce((sum, { messages }) => sum + messages.length, 0);
    // One more has a place, and keeps it: too many have left theirs.
    await expect.poll(total, { timeout: 10_000 }).toBe(4);
    await sleep(500);
    expect(total()).toBe(4);
    for (const receiver of dead) await receiver[Symbol.asyncDispose]();
  });

  it('of several workers send each webhook once', async () => {
    await using here = await installation();
    const receivers = await Promise.all(Array.from({ length: 5 }, () => startReceiver()));
    for (let i = 0; i < 3; i++) await here.dispatcher();
    const ids = [];
    for (let i = 0; i < 100; i++) ids.push(await here.ended(receivers[i % 5]!.url, { status: 'canceled' }));
    await Promise.all(ids.map((id) => here.settled(id, 'delivered')));
    const sent = receivers.flatMap(({ messages }) => messages.map(({ headers }) => headers['webhook-id']!));
    expect(sent.sort()).toEqual(ids.map((id) => `msg_${id}`).sort());
    for (const receiver of receivers) await receiver[Symbol.asyncDispose]();
  });

  it('that close lease no more, and report their attempts in flight', async () => {
    await using here = await installation();
    let answer = () => {};
    await using receiver = await startReceiver(() => (response) => (answer = () => response.writeHead(200).end()));
    const dispatcher = await here.dispatcher();
    const first = await here.ended(receiver.url);
    await receiver.got(1);
    const closed = dispatcher.close();
    const second = await here.ended(receiver.url);
    answer();
    await closed;
    expect(await here.webhook(first)).toMatchObject({ status: 'delivered' });
    expect(await here.webhook(second)).toMatchObject({ status: 'pending', attempts: [] });
    expect(receiver.messages).toHaveLength(1);
  });

  it('that abandon an attempt leave it to another dispatcher, which sends it with the same id', async () => {
    await using here = await installation();
    await using receiver = await startReceiver((count) => (count === 1 ? 'hang' : 200));
    // With one place it cannot lease the webhook again while the attempt hangs, however late the rest of this test is.
    const first = await here.dispatcher({ leaseMs: 2000, concurrency: 1, slowMs: Number.POSITIVE_INFINITY });
    const id = await here.ended(receiver.url);
    await receiver.got(1);
    first.abandon();
    await first.close();
    expect(await here.webhook(id)).toMatchObject({ status: 'pending', attempts: [] });
    await here.dispatcher();
    await here.settled(id, 'delivered');
    expect(receiver.messages.map(({ headers }) => headers['webhook-id'])).toEqual([`msg_${id}`, `msg_${id}`]);
  });

  it('continue after an outage of Redis, with the webhooks that were pending and in flight', async () => {
    await using here = await installation();
    let answer = () => {};
    await using receiver = await startReceiver((count) =>
      count === 2 ? (response) => (answer = () => response.writeHead(204).end()) : 204,
    );
    // Nothing else is sent while the second hangs: the Redis of the test forgets what it is told just before it is killed.
    await here.dispatcher({ concurrency: 1, slowMs: Number.POSITIVE_INFINITY });
    await here.settled(await here.ended(receiver.url), 'delivered');
    const before = [await here.ended(receiver.url), await here.ended(receiver.url), await here.ended(receiver.url)];
    await receiver.got(2);
    await redis.restart();
    answer();
    const id = await vi.waitFor(() => here.ended(receiver.url), { timeout: 10_000 });
    for (const each of [...before, id]) await here.settled(each, 'delivered');
    // Each was sent once: the report of the one in flight waited for Redis.
    expect(receiver.messages).toHaveLength(5);
  });

  it('leave no listener on their signal once the attempts have ended', async () => {
    await using here = await installation();
    await using receiver = await startReceiver((count) => (count <= 10 ? 500 : 200));
    const poster = createGuardedPoster({ connectMs: 2000, totalMs: 10_000, allow: [parseAllowEntry('127.0.0.1')!] });
    const signals = new Set<AbortSignal>();
    await here.dispatcher({
      schedule: { delaysMs: Array(10).fill(1), forMs: DAY_MS },
      poster: {
        post(url, headers, body, signal) {
          signals.add(signal!);
          return poster.post(url, headers, body, signal);
        },
      },
    });
    const ids = [];
    for (let i = 0; i < 10; i++) ids.push(await here.ended(receiver.url, { status: 'canceled' }));
    for (const id of ids) await here.settled(id, 'delivered');
    await poster.close();
    for (const signal of signals) expect(getEventListeners(signal, 'abort')).toEqual([]);
    expect(signals.size).toBeGreaterThan(0);
  });

  it('close while Redis is unreachable', async () => {
    await using here = await installation();
    await using receiver = await startReceiver();
    const dispatcher = await here.dispatcher();
    await here.settled(await here.ended(receiver.url), 'delivered');
    await redis.kill();
    const at = performance.now();
    let closedMs: number;
    try {
      await dispatcher.close();
      closedMs = performance.now() - at;
    } finally {
      await redis.restart();
    }
    // The last poll has a second.
    expect(closedMs).toBeLessThan(10_000);
  });

  it('make no further attempt for the webhook of an erased job', async () => {
    await using here = await installation();
    await using receiver = await startReceiver(() => 500);
    await here.dispatcher({ schedule: { delaysMs: [6000], forMs: DAY_MS } });
    const id = await here.ended(receiver.url);
    const kept = await here.ended(receiver.url);
    await receiver.got(2);
    expect(await here.gateway.erase(id, '')).toBe(true);
    await here.settled(kept, 'failed');
    const attempts = receiver.messages.filter(({ headers }) => headers['webhook-id'] === `msg_${id}`);
    expect(attempts).toHaveLength(1);
  });
});
