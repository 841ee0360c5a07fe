/** One key, one job: over two gateways on one Redis. */
import { createHash, randomUUID } from 'node:crypto';
import type { ClaimedJob, Outcome } from '@facequeue/queue';
import type { Problem } from '@facequeue/schema';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  CANNED_OUTCOME,
  CANNED_RESULT,
  type CannedWorker,
  type GatewayPair,
  startCannedWorker,
  startGatewayPair,
  startTestGateway,
  type TestGateway,
} from '../../../../test/support/gateway/index.ts';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';

const keyed = (name: string) => `${name}:${createHash('sha256').update(`key of ${name}`).digest('hex')}`;

const SECRET = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

let redis: TestRedis;
let env: Record<string, string>;
let gateways: GatewayPair;
let worker: CannedWorker | undefined;
let answer: (job: ClaimedJob) => Outcome | Promise<Outcome>;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis?.stop());

beforeEach(async () => {
  answer = () => CANNED_OUTCOME;
  env = {
    QUEUE_PREFIX: `{${randomUUID()}}`,
    API_KEYS: `${keyed('shop')},${keyed('archive')}`,
    WEBHOOK_SECRETS: `shop=${SECRET}`,
  };
  gateways = await startGatewayPair(redis.url, env);
});
afterEach(async () => {
  await worker?.close();
  worker = undefined;
  await gateways[Symbol.asyncDispose]();
});

const work = async () => {
  worker = await startCannedWorker(gateways[0], (job) => answer(job));
  return worker;
};

interface Sent {
  key?: string;
  prefer?: string;
  path?: string;
  caller?: string;
  body?: RequestInit['body'];
  type?: string;
}

function post(
  at: TestGateway,
  { key = '"k"', prefer, path = '/face_detection', caller = 'shop', body = 'image', type = 'image/png' }: Sent = {},
) {
  return fetch(at.url + path, {
    method: 'POST',
    headers: {
      'content-type': type,
      'x-api-key': `key of ${caller}`,
      'idempotency-key': key,
      ...(prefer !== undefined && { prefer }),
    },
    body,
  });
}

const jobId = async (call: Promise<Response>) => (await call).headers.get('x-job-id');
const later: Sent = { prefer: 'respond-async' };

describe('the same key', () => {
  it('sent fifty times at once over two gateways makes one job, and all get its faces', async () => {
    const { seen } = await work();
    const responses = await Promise.all(Array.from({ length: 50 }, (_, i) => post(gateways[i % 2 ? 1 : 0])));
    expect(responses.map(({ status }) => status)).toEqual(Array(50).fill(200));
    for (const response of responses) expect(await response.json()).toEqual(CANNED_RESULT);
    const id = responses[0]!.headers.get('x-job-id');
    for (const { headers } of responses)
      expect([headers.get('x-job-id'), headers.get('location')]).toEqual([id, `/jobs/${id}`]);
    expect(seen.map(({ job }) => job.id)).toEqual([id]);
  });

  it('answers as each call prefers: the job now, or its faces', async () => {
    const id = await jobId(post(gateways[0], later));
    const again = await post(gateways[1], later);
    expect(again.status).toBe(202);
    expect(await again.json()).toMatchObject({ id, status: 'queued' });
    const impatient = await post(gateways[1], { prefer: 'wait=0' });
    expect([impatient.status, impatient.headers.get('x-job-id')]).toEqual([202, id]);
    const patient = post(gateways[1]);
    await work();
    expect(await (await patient).json()).toEqual(CANNED_RESULT);
    const ended = await post(gateways[0]);
    expect([ended.status, ended.headers.get('x-job-id'), await ended.json()]).toEqual([200, id, CANNED_RESULT]);
    const answer = await post(gateways[0], later);
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([202, null]);
    expect(await answer.json()).toMatchObject({ id, status: 'succeeded', result: CANNED_RESULT });
  });

  it('replays a failure too', async () => {
    answer = () => ({ status: 'failed', error: { code: 'image_undecodable', detail: 'the jpeg is cut off' } });
    const { seen } = await work();
    const [first, second] = [await post(gateways[0]), await post(gateways[1])];
    expect([first.status, second.status]).toEqual([422, 422]);
    expect(await second.json()).toEqual(await first.json());
    expect(seen.length).toBe(1);
  });

  it('replays a job that was canceled', async () => {
    const id = await jobId(post(gateways[0], later));
    await gateways[1].queue.cancel(id!);
    expect(await (await post(gateways[0])).json()).toMatchObject({ status: 409, code: 'canceled', job_id: id });
  });

  it('makes a new job when the first was erased', async () => {
    const id = await jobId(post(gateways[0], later));
    const headers = { 'x-api-key': 'key of shop' };
    await fetch(`${gateways[1].url}/jobs/${id}`, { method: 'DELETE', headers });
    const next = await jobId(post(gateways[0], later));
    expect(next).not.toBe(id);
  });

  it('with another request is refused, and the request does not run', async () => {
    const { seen } = await work();
    await post(gateways[0]);
    const others: Sent[] = [
      { body: 'imagE' },
      { path: '/face_detection?max_faces=1' },
      { path: '/face_detection?priority=bulk' },
      { path: '/face_detection?webhook_url=https://hooks.example.org/' },
      { body: '{"url":"http://example.org/"}', type: 'application/json' },
    ];
    for (const other of others) {
      const response = await post(gateways[1], other);
      const problem = (await response.json()) as Problem;
      expect(problem).toMatchObject({ status: 422, code: 'idempotency_conflict' });
      expect(response.headers.get('location')).toBeNull();
    }
    expect(seen.length).toBe(1);
  });

  it('accepts the same request however it is written and on whichever path', async () => {
    const id = await jobId(post(gateways[0], later));
    const same: Sent[] = [
      { path: '/face-detection' },
      { path: '/invocations' },
      { path: '/face_detection?profile=balanced&landmarks=true' },
      { body: JSON.stringify({ img: btoa('image') }), type: 'application/json' },
      { key: 'k' },
    ];
    for (const sent of same) expect(await jobId(post(gateways[1], { ...later, ...sent }))).toBe(id);
  });

  it('used by another API key is another key', async () => {
    const id = await jobId(post(gateways[0], later));
    const other = await post(gateways[1], { ...later, caller: 'archive', body: 'another image' });
    expect(other.status).toBe(202);
    expect(other.headers.get('x-job-id')).not.toBe(id);
  });

  it('survives a restart of the gateway', async () => {
    const id = await jobId(post(gateways[0], later));
    await gateways[Symbol.asyncDispose]();
    gateways = await startGatewayPair(redis.url, env);
    expect(await jobId(post(gateways[0], later))).toBe(id);
    await work();
    expect((await post(gateways[1])).status).toBe(200);
  });

  it('is free again when its job has expired', async () => {
    const QUEUE_PREFIX = `{${randomUUID()}}`;
    await using at = await startTestGateway(redis.url, { ...env, QUEUE_PREFIX, RESULT_TTL: '1s' });
    await using _ = await startCannedWorker(at);
    const first = await post(at);
    await expect.poll(async () => (await post(at, { body: 'another image' })).status, { timeout: 15_000 }).toBe(200);
    const id = first.headers.get('x-job-id');
    expect((await fetch(`${at.url}/jobs/${id}`, { headers: { 'x-api-key': 'key of shop' } })).status).toBe(410);
  });

  it('is not consumed by a refused call', async () => {
    const QUEUE_PREFIX = `{${randomUUID()}}`;
    await using at = await startTestGateway(redis.url, { ...env, QUEUE_PREFIX, MAX_WAITING_JOBS: '1' });
    await jobId(post(at, { ...later, key: '"other"' }));
    expect((await post(at, later)).status).toBe(503);
    await using _ = await startCannedWorker(at);
    // Even with another image, since nothing of the first call was stored. The snapshot may be 250 ms old.
    await expect.poll(async () => (await post(at, { body: 'another image' })).status).toBe(200);
  });

  it.each(['""', 'a b', '"a', '"a", "b"', `"${'k'.repeat(256)}"`])('is refused when it is %s', async (key) => {
    const response = await post(gateways[0], { key });
    expect(await response.json()).toMatchObject({
      status: 400,
      code: 'invalid_request',
      detail: expect.stringMatching(/Idempotency-Key/),
    });
  });
});
