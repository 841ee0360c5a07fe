/** Calls with Prefer, on two gateways over one Redis. */
import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import type { Outcome } from '@facequeue/queue';
import { FacequeueError, JobResource, type Problem } from '@facequeue/schema';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  CANNED_OUTCOME,
  CANNED_RESULT,
  startCannedWorker,
  startTestGateway,
  type TestGateway,
} from '../../../../test/support/gateway/index.ts';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { slowQueue } from '../admission/testing/slow-queue.ts';
import { countOpen } from '../http/testing/open-waits.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis?.stop());

const FAILED: Outcome = { status: 'failed', error: { code: 'image_undecodable', detail: 'the jpeg is cut off' } };

const own = (env: Record<string, string> = {}) => startTestGateway(redis.url, env);

function post(at: TestGateway, headers: Record<string, string> = {}, init: RequestInit = {}) {
  return fetch(`${at.url}/face_detection`, {
    method: 'POST',
    headers: { 'content-type': 'image/png', ...headers },
    body: 'image',
    ...init,
  });
}

const resource = async (response: Response) => JobResource.strict().parse(await response.json());

/** A worker whose jobs run until the test ends them. */
async function pausedWorker(at: TestGateway) {
  const running = Promise.withResolvers<string>();
  const outcome = Promise.withResolvers<Outcome>();
  const worker = await startCannedWorker(at, (job) => {
    running.resolve(job.id);
    return outcome.promise;
  });
  const processing = async () => {
    const id = await running.promise;
    await expect.poll(async () => (await at.queue.read(id))?.status).toBe('processing');
    return id;
  };
  return { processing, end: outcome.resolve, [Symbol.asyncDispose]: () => worker.close() };
}

describe('Prefer: respond-async', () => {
  it('answers 202 at once with the job, its location and when to poll', async () => {
    await using at = await own();
    const response = await post(at, { prefer: 'respond-async' });
    expect(response.status).toBe(202);
    const job = await resource(response);
    expect(job).toMatchObject({ status: 'queued', attempts: 0, started_at: null, result: null, queue: 'interactive' });
    expect(response.headers.get('x-job-id')).toBe(job.id);
    expect(response.headers.get('location')).toBe(`/jobs/${job.id}`);
    expect(response.headers.get('preference-applied')).toBe('respond-async');
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(response.headers.get('vary')).toBe('Prefer');
    // The answer is what the record says.
    expect(await resource(await fetch(at.url + job.links.self))).toEqual(job);
  });

  it('is accepted although the estimated wait is long', async () => {
    await using at = await own({ SYNC_WAIT: '100ms' });
    await slowQueue(at, () => post(at, { prefer: 'respond-async' }));
    const refused = await post(at);
    expect(((await refused.json()) as Problem).detail).toMatch(/wait longer than its caller/);
    expect(refused.status).toBe(503);
    for (const prefer of ['respond-async', 'wait=0']) expect((await post(at, { prefer })).status).toBe(202);
  });

  it('with wait=n answers with the faces if the job ends in time, through any gateway', async () => {
    await using at = await own();
    const call = post(at, { prefer: 'respond-async, wait=60' });
    await using worker = await pausedWorker(at);
    await worker.processing();
    worker.end(CANNED_OUTCOME);
    const response = await call;
    expect([response.status, await response.json()]).toEqual([200, CANNED_RESULT]);
    expect(response.headers.get('preference-applied')).toBe('wait=60');
    expect(response.headers.get('vary')).toBe('Prefer');
  });
});

describe('Prefer: wait=n', () => {
  it.each([
    ['wait=0', 'wait=0'],
    ['wait=1', 'wait=1'],
    ['respond-async, wait=1', 'respond-async, wait=1'],
  ])('of a job that takes longer: %s answers 202 with the job as it is then', async (prefer, applied) => {
    await using at = await own();
    await using worker = await pausedWorker(at);
    const call = post(at, { prefer });
    await worker.processing();
    const response = await call;
    expect(response.status).toBe(202);
    expect(await resource(response)).toMatchObject({ id: await worker.processing() });
    expect(response.headers.get('preference-applied')).toBe(applied);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    worker.end(CANNED_OUTCOME);
  });

  it('answers the error of a job that fails in time', async () => {
    await using at = await own();
    await using _ = await startCannedWorker(at, () => FAILED);
    const response = await post(at, { prefer: 'wait=60' });
    expect(await response.json()).toMatchObject({ status: 422, code: 'image_undecodable' });
    expect(response.headers.get('vary')).toBe('Prefer');
    expect(response.headers.get('preference-applied')).toBe('wait=60');
  });

  it('with an invalid value is ignored', async () => {
    await using at = await own();
    await using _ = await startCannedWorker(at);
    const response = await post(at, { prefer: 'wait=soon, handling=strict' });
    expect(response.status).toBe(200);
    expect(response.headers.get('preference-applied')).toBeNull();
  });

  it('may be split over several headers', async () => {
    await using at = await own();
    const status = await new Promise((resolve) => {
      const call = request(`${at.url}/face_detection`, {
        method: 'POST',
        headers: { 'content-type': 'image/png', prefer: ['foo', 'wait=0', 'respond-async'] },
      });
      call.on('response', (response) => resolve([response.statusCode, response.headers['preference-applied']]));
      call.end('image');
    });
    expect(status).toEqual([202, 'respond-async, wait=0']);
  });

  it('works under COMPAT=aws too', async () => {
    await using at = await own({ COMPAT: 'aws' });
    const response = await post(at, { prefer: 'respond-async' });
    expect(response.status).toBe(202);
    expect(await resource(response)).toMatchObject({ status: 'queued' });
  });
});

describe('without Prefer', () => {
  it('a call that times out gets the location of its job and when to poll', async () => {
    await using at = await own({ SYNC_WAIT: '100ms' });
    const response = await post(at);
    const problem = (await response.json()) as Problem;
    expect(problem).toMatchObject({ status: 504, code: 'wait_timeout' });
    expect(response.headers.get('location')).toBe(`/jobs/${problem.job_id}`);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(response.headers.get('vary')).toBe('Prefer');
    expect((await at.queue.read(problem.job_id!))?.status).toBe('queued');
  });

  it('errors have Vary: Prefer too', async () => {
    await using at = await own();
    const response = await post(at, { 'content-type': 'text/plain' });
    expect([response.status, response.headers.get('vary')]).toEqual([415, 'Prefer']);
  });
});

describe('an outage of Redis while a call waits', () => {
  it.each([
    [undefined, 504],
    ['wait=3', 202],
    ['respond-async, wait=3', 202],
  ])('with Prefer %s, it is still told where its job is: %d', async (prefer, status) => {
    await using away = await startRedis({ appendonly: 'always' });
    await using at = await startTestGateway(away.url, { SYNC_WAIT: '3s' });
    const open = countOpen(at.queue);
    const call = post(at, prefer ? { prefer } : {});
    await expect.poll(async () => open.waits && (await at.queue.snapshot()).queues.interactive.waiting).toBe(1);
    await away.pause();
    const response = await call;
    await away.resume();
    expect(response.status).toBe(status);
    const location = response.headers.get('location')!;
    await using _ = await startCannedWorker(at);
    await expect
      .poll(async () => (await (await fetch(`${at.url}${location}?wait=10`)).json()) as JobResource, {
        timeout: 20_000,
      })
      .toMatchObject({ status: 'succeeded' });
  });
});

it('a call whose wait ends with its gateway while Redis is unreachable is told where its job is', async () => {
  await using away = await startRedis({ appendonly: 'always' });
  const at = await startTestGateway(away.url);
  const call = post(at);
  await expect.poll(async () => (await at.queue.snapshot()).queues.interactive.waiting).toBe(1);
  await away.pause();
  const closed = at.close(0);
  const response = await call;
  const problem = (await response.json()) as Problem;
  expect(problem).toMatchObject({ status: 504, code: 'wait_timeout' });
  expect(response.headers.get('location')).toBe(`/jobs/${problem.job_id}`);
  await away.resume();
  await closed;
});

describe('a client that disconnects', () => {
  it('while its job cannot be canceled, because Redis is unreachable, frees its wait and logs no error', async () => {
    await using at = await own();
    const open = countOpen(at.queue);
    const disconnect = new AbortController();
    const call = post(at, {}, { signal: disconnect.signal }).catch(() => {});
    await expect.poll(async () => (await at.queue.snapshot()).queues.interactive.waiting).toBe(1);
    const canceled = vi.spyOn(at.queue, 'cancel').mockRejectedValue(new FacequeueError('unavailable', 'planted'));
    disconnect.abort();
    await call;
    await expect.poll(() => canceled.mock.calls.length).toBe(1);
    await expect.poll(() => open.waits).toBe(0);
    expect(at.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  const calls: [string, string, Record<string, string>][] = [
    ['that waits', 'canceled', {}],
    ['with wait=n', 'canceled', { prefer: 'wait=60' }],
    ['with respond-async, wait=n', 'queued', { prefer: 'respond-async, wait=60' }],
    ['with an Idempotency-Key', 'queued', { 'idempotency-key': '"k"' }],
  ];

  it.each(calls)('%s frees its wait at once; its queued job is then %s', async (_, status, headers) => {
    await using at = await own();
    const open = countOpen(at.queue);
    const disconnect = new AbortController();
    const call = post(at, headers, { signal: disconnect.signal }).catch(() => {});
    await expect.poll(async () => (await at.queue.snapshot()).queues.interactive.waiting).toBe(1);
    await expect.poll(() => open.waits).toBe(1);
    disconnect.abort();
    await call;
    await expect.poll(() => open.waits).toBe(0);
    await expect.poll(() => at.lines.at(-1)).toMatchObject({ status: 499 });
    const id = String(at.lines.at(-1)!['job_id']);
    await expect.poll(async () => (await at.queue.read(id))!.status).toBe(status);
  });

  it('while its job runs lets the job run', async () => {
    await using at = await own();
    await using worker = await pausedWorker(at);
    const open = countOpen(at.queue);
    const disconnect = new AbortController();
    const call = post(at, {}, { signal: disconnect.signal }).catch(() => {});
    const id = await worker.processing();
    disconnect.abort();
    await call;
    await expect.poll(() => open.waits).toBe(0);
    worker.end(CANNED_OUTCOME);
    await expect.poll(async () => (await at.queue.read(id))!.status).toBe('succeeded');
  });
});

describe('a job that ends otherwise while its caller waits', () => {
  it.each([
    ['canceled', 'canceled', 'POST', '/cancel', 409],
    ['erased', 'gone', 'DELETE', '', 410],
  ])('%s through another gateway is answered with %s', async (_, code, method, path, status) => {
    const QUEUE_PREFIX = `{${randomUUID()}}`;
    await using at = await own({ QUEUE_PREFIX });
    await using other = await own({ QUEUE_PREFIX });
    await using worker = await pausedWorker(at);
    const call = post(at);
    const id = await worker.processing();
    const ended = await fetch(`${other.url}/jobs/${id}${path}`, { method });
    expect(ended.ok).toBe(true);
    expect(await (await call).json()).toMatchObject({ status, code, job_id: id });
    worker.end(CANNED_OUTCOME);
  });
});
