/** The client against a real gateway over a real Redis: each understands the other. */
import { createHash } from 'node:crypto';
import { type BatchResource, createClient, type ItemLine, type JobEvent } from '@facequeue/client';
import type { ClaimedJob, Outcome } from '@facequeue/queue';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  CANNED_OUTCOME,
  CANNED_RESULT,
  type CannedWorker,
  startCannedWorker,
  startTestGateway,
  type TestGateway,
} from '../support/gateway/index.ts';
import { freePort } from '../support/processes/free-port.ts';
import { startInstallation } from '../support/processes/installation.ts';
import { startRedis, type TestRedis } from '../support/redis/test-redis.ts';

const BYTES = Uint8Array.from({ length: 1000 }, (_, i) => i % 251);
const KEY = 'key of shop';

let redis: TestRedis;
let gateway: TestGateway;
let worker: CannedWorker;
let outcome: Outcome = CANNED_OUTCOME;
/** Images that begin with 9 are unfinished until this is resolved. */
let go = Promise.withResolvers<void>();
const unfinished = (name: number) => ({ bytes: Uint8Array.of(9, name) });

async function work(_: ClaimedJob, bytes: Buffer | null): Promise<Outcome> {
  if (bytes?.[0] === 9) await go.promise;
  return outcome;
}

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url, {
    BASE_PATH: '/prod',
    API_KEYS: `shop:${createHash('sha256').update(KEY).digest('hex')}`,
    WEBHOOK_SECRETS: `shop=whsec_${Buffer.alloc(32).toString('base64')}`,
  });
  worker = await startCannedWorker(gateway, work);
});

beforeEach(() => {
  // An image may reach the worker only after its test has ended.
  go.resolve();
  go = Promise.withResolvers<void>();
});

afterAll(async () => {
  go.resolve();
  await worker?.close();
  await gateway?.close();
  await redis?.stop();
});

const client = (more: { apiKey?: string } = { apiKey: KEY }) => createClient({ baseUrl: gateway.url, ...more });

describe('the client and the gateway', () => {
  it('agree on every form of an image', async () => {
    const before = worker.seen.length;
    const images = [
      { bytes: BYTES },
      { bytes: new Blob([BYTES]) },
      { base64: Buffer.from(BYTES).toString('base64') },
      { url: 'https://example.org/a.jpg' },
    ];
    for (const image of images) expect(await client().detect(image)).toMatchObject(CANNED_RESULT);
    const seen = worker.seen.slice(before);
    expect(seen.map(({ bytes }) => bytes && Buffer.compare(bytes, BYTES))).toEqual([0, 0, 0, null]);
    expect(seen[3]!.job.source).toEqual({ kind: 'url', url: 'https://example.org/a.jpg' });
  });

  it('agree on every option', async () => {
    const options = {
      profile: 'small-faces',
      max_faces: 7,
      min_confidence: 0.5,
      min_face_size: 12.5,
      landmarks: false,
      attributes: false,
    } as const;
    await client().detect({ bytes: BYTES }, { ...options, priority: 'bulk' });
    expect(worker.seen.at(-1)!.job).toMatchObject({ queue: 'bulk', options: { ...options, orient: true } });
  });

  it('agree on jobs, the system and readiness', async () => {
    const { jobId } = await client().detect({ bytes: BYTES });
    expect(await client().job(jobId!)).toMatchObject({ id: jobId, status: 'succeeded', result: CANNED_RESULT });
    expect(await client().system()).toMatchObject({ device: 'cpu', workers: [{ device: 'cpu' }] });
    expect(await client().ready()).toEqual({ status: 'ready', workers: 1 });
  });

  it('agree on errors', async () => {
    outcome = { status: 'failed', error: { code: 'image_undecodable', detail: 'half an image' } };
    const failure = await client()
      .detect({ bytes: BYTES })
      .catch((error) => error);
    outcome = CANNED_OUTCOME;
    expect(failure).toMatchObject({ code: 'image_undecodable', message: 'half an image' });
    expect(await client().job(failure.jobId)).toMatchObject({ status: 'failed', error: { code: 'image_undecodable' } });
    await expect(client({}).system()).rejects.toMatchObject({ code: 'unauthorized' });
    await expect(client().job('no-id')).rejects.toMatchObject({ code: 'not_found' });
    await expect(client().detect({ base64: '!' })).rejects.toMatchObject({ code: 'invalid_base64' });
    await expect(client().detect({ url: 'file:///etc/passwd' })).rejects.toMatchObject({ code: 'invalid_request' });
  });
});

describe('the client and the gateway agree on', () => {
  const kinds = (events: JobEvent[]) => events.map((event) => (event.type === 'job' ? 'job' : event.status));

  it('submitting, waiting and polling', async () => {
    const job = await client().submit(unfinished(1));
    expect(job).toMatchObject({ finished_at: null, links: { self: `/prod/jobs/${job.id}` } });
    expect((await client().job(job.id, { waitMs: 1000 })).finished_at).toBeNull();
    await expect(client().wait(job.id, { timeoutMs: 100 })).rejects.toMatchObject({
      code: 'wait_timeout',
      jobId: job.id,
    });
    const ended = client().wait(job.id);
    go.resolve();
    expect(await ended).toMatchObject({ id: job.id, status: 'succeeded', result: CANNED_RESULT });
  });

  it('a submission that waits, whether the job ends in time or not', async () => {
    expect(await client().submit(unfinished(2), {}, { waitMs: 1000 })).toMatchObject({ finished_at: null });
    expect(await client().submit({ bytes: BYTES }, {}, { waitMs: 20_000 })).toMatchObject({
      status: 'succeeded',
      result: CANNED_RESULT,
    });
    outcome = { status: 'failed', error: { code: 'image_undecodable', detail: 'half an image' } };
    const failed = await client().submit({ bytes: BYTES }, {}, { waitMs: 20_000 });
    outcome = CANNED_OUTCOME;
    expect(failed).toMatchObject({ status: 'failed', error: { code: 'image_undecodable', detail: 'half an image' } });
    go.resolve();
  });

  it('idempotency keys with any valid characters', async () => {
    const idempotencyKey = `order "7" \\ of ${Date.now()}, a=b; c`;
    const first = await client().submit(unfinished(3), {}, { idempotencyKey });
    const ids = await Promise.all(
      Array.from({ length: 10 }, async () => (await client().submit(unfinished(3), {}, { idempotencyKey })).id),
    );
    expect(new Set(ids)).toEqual(new Set([first.id]));
    await expect(client().submit(unfinished(4), {}, { idempotencyKey })).rejects.toMatchObject({
      code: 'idempotency_conflict',
    });
    go.resolve();
    expect(await client().detect(unfinished(3), {}, { idempotencyKey })).toMatchObject({
      jobId: first.id,
      ...CANNED_RESULT,
    });
    expect(await client().submit(unfinished(3), {}, { idempotencyKey, waitMs: 1000 })).toMatchObject({
      id: first.id,
      status: 'succeeded',
    });
  });

  it('following', async () => {
    const { id } = await client().submit(unfinished(5));
    const events: JobEvent[] = [];
    for await (const event of client().follow(id)) {
      events.push(event);
      if (event.type === 'status' && event.status === 'processing') go.resolve();
    }
    expect(kinds(events).join(' ')).toMatch(/^(queued )*processing job$/);
    expect(events.at(-1)).toEqual({ type: 'job', job: await client().job(id) });
    for (const event of events)
      if (event.type === 'status') expect(event).toMatchObject({ id, at: expect.any(String) });
    const late: JobEvent[] = [];
    for await (const event of client().follow(id)) late.push(event);
    expect(late).toEqual(events.slice(-1));
  });

  it('cancelling and erasing', async () => {
    const { id } = await client().submit(unfinished(6));
    expect(await client().cancel(id)).toMatchObject({ id, status: 'canceled', error: { code: 'canceled' } });
    expect(await client().cancel(id)).toMatchObject({ status: 'canceled' });
    await client().erase(id);
    await client().erase(id);
    await expect(client().job(id)).rejects.toMatchObject({ code: 'gone' });
    await expect(client().wait(id)).rejects.toMatchObject({ code: 'gone' });
    await expect(client().follow(id)[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'gone' });
    await expect(client().erase('no-id')).rejects.toMatchObject({ code: 'not_found' });
    const { jobId } = await client().detect({ bytes: BYTES });
    await expect(client().cancel(jobId!)).rejects.toMatchObject({ code: 'conflict', jobId });
    go.resolve();
  });

  it('webhooks', async () => {
    const { id } = await client().submit(unfinished(7), { webhook_url: 'https://example.org/hook' });
    expect(await client().job(id)).toMatchObject({
      webhook: { url: 'https://example.org/hook', status: 'waiting', attempts: [] },
    });
    await expect(client().submit(unfinished(7), { webhook_url: 'nowhere' })).rejects.toMatchObject({
      code: 'invalid_request',
    });
    go.resolve();
  });
});

describe('the client and the gateway agree on batches', () => {
  const small = (name: number) => ({ id: `i${name}`, bytes: Uint8Array.of(1, name) });
  const byId = (lines: ItemLine[]) => new Map(lines.map((line) => [line.id, line]));

  it('of any number of items of every kind, run as one', async () => {
    const items = [small(1), { id: 'é 2', url: 'https://example.org/a.jpg' }, { id: 'bad', base64: '!' }];
    const lines = byId(
      await Array.fromAsync(client().batchResults(items, { options: { max_faces: 3, landmarks: false } })),
    );
    expect([...lines.keys()].sort()).toEqual(['bad', 'i1', 'é 2']);
    expect(lines.get('i1')).toMatchObject({ status: 'succeeded', result: CANNED_RESULT, error: null, attempts: 1 });
    expect(lines.get('bad')).toMatchObject({ status: 'failed', error: { code: 'invalid_base64' }, result: null });
    const seen = worker.seen.slice(-2).map(({ job }) => job);
    for (const job of seen) expect(job).toMatchObject({ queue: 'bulk', options: { max_faces: 3, landmarks: false } });
  });

  it('of items without ids, and of none', async () => {
    const unnamed = [1, 2, 3].map((name) => ({ bytes: Uint8Array.of(1, name) }));
    const lines = await Array.fromAsync(client().batchResults(unnamed));
    expect(lines.map(({ id }) => id).sort()).toEqual(['1', '2', '3']);
    expect(await Array.fromAsync(client().batchResults([]))).toEqual([]);
  });

  it('step by step: appending twice, reading, closing, reading from the middle', async () => {
    const { id, status, links } = await client().createBatch({ open: true, options: { profile: 'fast' } });
    expect({ status, links }).toMatchObject({ status: 'open', links: { self: `/prod/batches/${id}` } });
    expect(await client().appendItems(id, [small(1), small(2)])).toEqual({ accepted: 2, skipped: 0, failed: 0 });
    expect(await client().appendItems(id, [small(2), small(3)])).toEqual({ accepted: 1, skipped: 1, failed: 0 });
    expect((await client().closeBatch(id)).closed_at).not.toBeNull();
    await expect(client().appendItems(id, [small(4)])).rejects.toMatchObject({ code: 'conflict' });
    const lines = await Array.fromAsync(client().results(id, { follow: true }));
    expect([...byId(lines).keys()].sort()).toEqual(['i1', 'i2', 'i3']);
    expect(await Array.fromAsync(client().results(id, { after: lines[0]!.cursor }))).toEqual(lines.slice(1));
    expect(await client().batch(id)).toMatchObject({ status: 'finished', counts: { total: 3, succeeded: 3 } });
    await expect(client().cancelBatch(id)).rejects.toMatchObject({ code: 'conflict' });
    await client().eraseBatch(id);
    await client().eraseBatch(id);
    await expect(client().batch(id)).rejects.toMatchObject({ code: 'gone' });
    await expect(Array.fromAsync(client().results(id))).rejects.toMatchObject({ code: 'gone' });
  });

  it('made in one call, with every option', async () => {
    const items = [{ id: 'a', bytes: BYTES }, { url: 'https://example.org/a.jpg' }];
    const { id } = await client().createBatch({ items, webhookUrl: 'https://example.org/hook' });
    const lines = await Array.fromAsync(client().results(id, { follow: true }));
    expect(lines.map((line) => [line.id, line.line]).sort()).toEqual([
      ['#2', 2],
      ['a', 1],
    ]);
    expect(await client().batch(id)).toMatchObject({ webhook: { url: 'https://example.org/hook' } });
    await expect(client().createBatch({ items: [] })).rejects.toMatchObject({ code: 'invalid_request' });
    await expect(client().createBatch({ s3: { prefix: 's3://private/' } })).rejects.toMatchObject({
      code: 'source_forbidden',
    });
    await expect(
      client().createBatch({ items, output: 's3://private/results.ndjson', overwrite: true }),
    ).rejects.toMatchObject({ code: 'source_forbidden' });
  });

  it('whose results exceed the memory limit, run as one', async () => {
    await using small = await startTestGateway(redis.url, { MAX_RESULT_BYTES: '200kb' });
    await using _ = await startCannedWorker(small);
    const items = Array.from({ length: 2500 }, (_, i) => ({ id: `i${i}`, bytes: Uint8Array.of(1, i % 251) }));
    const parts: string[] = [];
    const onBatch = (batch: BatchResource) => void parts.push(batch.id);
    const lines = await Array.fromAsync(createClient({ baseUrl: small.url }).batchResults(items, { onBatch }));
    expect(lines.map(({ id }) => id).sort()).toEqual(items.map(({ id }) => id).sort());
    expect(parts.length).toBeGreaterThan(1);
  });

  it('that are canceled, or abandoned by their reader', async () => {
    const { id } = await client().createBatch({ open: true });
    await client().appendItems(id, [unfinished(11), unfinished(12)]);
    expect(await client().cancelBatch(id)).toMatchObject({ status: 'canceled' });
    const lines = await Array.fromAsync(client().results(id, { follow: true }));
    expect(lines).toMatchObject([
      { status: 'canceled', error: { code: 'canceled' } },
      { status: 'canceled', error: { code: 'canceled' } },
    ]);
    let left = '';
    const onBatch = (batch: BatchResource) => {
      left = batch.id;
    };
    for await (const { id } of client().batchResults([small(1), { id: 'held', ...unfinished(13) }], { onBatch })) {
      expect(id).toBe('i1');
      break;
    }
    await expect(client().batch(left)).rejects.toMatchObject({ code: 'gone' });
    go.resolve();
  });
});

describe('a gateway that is killed and started again', () => {
  it('does not disturb callers who wait or follow', async () => {
    await using installation = await startInstallation();
    const PORT = String(await freePort());
    const before = await installation.gateway({ PORT });
    await using _ = await startCannedWorker({ redisUrl: installation.redis.url, prefix: installation.prefix }, work);
    const patient = createClient({ baseUrl: before.url });
    const { id } = await patient.submit(unfinished(8));

    const following = Promise.withResolvers<void>();
    const events = (async () => {
      const all: JobEvent[] = [];
      for await (const event of patient.follow(id)) {
        all.push(event);
        if (event.type === 'status' && event.status === 'processing') following.resolve();
      }
      return all;
    })();
    const waited = patient.wait(id);
    await following.promise;
    await before.end('SIGKILL');
    await installation.gateway({ PORT });
    go.resolve();

    expect(await waited).toMatchObject({ id, status: 'succeeded' });
    expect((await events).at(-1)).toEqual({ type: 'job', job: await waited });
    const statuses = (await events).flatMap((event) => (event.type === 'status' ? [event.status] : []));
    expect(statuses.filter((status) => status === 'processing')).toEqual(['processing']);
  });

  it('does not disturb a run of items, each of which is returned once', { timeout: 120_000 }, async () => {
    await using installation = await startInstallation({ MAX_WAITING_JOBS: '500' });
    const PORT = String(await freePort());
    const before = await installation.gateway({ PORT });
    await using _ = await startCannedWorker({ redisUrl: installation.redis.url, prefix: installation.prefix });
    const items = Array.from({ length: 2500 }, (_, i) => ({ id: `i${i}`, bytes: Uint8Array.of(1, i % 251) }));
    const seen: string[] = [];
    let replaced: Promise<unknown> | undefined;
    for await (const { id, status } of createClient({ baseUrl: before.url }).batchResults(items)) {
      expect(status).toBe('succeeded');
      if (seen.push(id) === 1000) replaced = before.end('SIGKILL').then(() => installation.gateway({ PORT }));
    }
    await replaced;
    expect(seen.sort()).toEqual(items.map(({ id }) => id).sort());
  });
});
