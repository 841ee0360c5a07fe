/** What a full queue refuses unread, and what it does not. */
import { randomUUID } from 'node:crypto';
import type { BatchResource } from '@facequeue/schema';
import { encodeResult } from '@facequeue/schema/result-codec';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRaw, parseRaw } from '../../../../test/support/clients/raw-http.ts';
import {
  apiKeys,
  CANNED_OUTCOME,
  CANNED_RESULT,
  keyOf,
  startCannedWorker,
  startTestGateway,
  type TestGateway,
} from '../../../../test/support/gateway/index.ts';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { slowQueue } from './testing/slow-queue.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis?.stop());

/** Nearly the largest image: two of them are more than MAX_BLOB_BYTES. */
const IMAGE = Buffer.alloc(900_000, 7);

function detect(at: TestGateway, key: string | null, headers: Record<string, string> = {}, path = '/face_detection') {
  return fetch(at.url + path, {
    method: 'POST',
    headers: { 'content-type': 'image/png', ...(key !== null && { 'idempotency-key': key }), ...headers },
    body: IMAGE,
  });
}
const LATER = { prefer: 'respond-async' };
const jobId = async (call: Promise<Response>) => (await call).headers.get('x-job-id');

describe('while the queue is full', () => {
  it.each([
    ['/face_detection', 'image/png'],
    ['/face-detection', 'application/json'],
    ['/invocations', 'multipart/form-data; boundary=x'],
    ['/cameras/gate/frames', 'image/png'],
    ['/batches', 'application/json'],
    ['/batches', 'application/x-ndjson'],
    ['/batches/{id}/items', 'application/json'],
    ['/batches/{id}/items', 'application/x-ndjson'],
  ])('POST %s of %s is refused before its body', async (path, type) => {
    await using at = await startTestGateway(redis.url, { MAX_WAITING_JOBS: '5' });
    const made = await fetch(`${at.url}/batches?open=true`, { method: 'POST' });
    const batch = (await made.json()) as BatchResource;
    expect(made.status).toBe(202);
    for (let i = 0; i < 4; i++) expect((await detect(at, null, LATER)).status).toBe(202);
    await expect.poll(async () => (await at.queue.snapshot()).full.interactive, { timeout: 10_000 }).not.toBeNull();
    using raw = await openRaw(at.port);
    await raw.send(
      `POST ${path.replace('{id}', batch.id)} HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${type}\r\nContent-Length: 90\r\nExpect: 100-continue\r\n\r\n`,
    );
    const { status, headers, body } = parseRaw(await raw.until('queue_full'));
    expect([status, JSON.parse(body).code]).toEqual([503, 'queue_full']);
    expect(headers).toMatch(/^Retry-After: [1-9]\d*\r?$/im);
  });
});

describe('a call repeated with its Idempotency-Key while the queue is full', () => {
  it.each<[string, Record<string, string>]>([
    ['of waiting jobs', { MAX_WAITING_JOBS: '1' }],
    ['of image bytes', { MAX_IMAGE_BYTES: '1mb', MAX_BLOB_BYTES: '1mb' }],
    ['of jobs that have waited too long', { MAX_OLDEST: '1s' }],
  ])('%s gets its job by every path and from every gateway', async (_, env) => {
    const QUEUE_PREFIX = `{${randomUUID()}}`;
    await using at = await startTestGateway(redis.url, { ...env, QUEUE_PREFIX, SYNC_WAIT: '100ms' });
    await using other = await startTestGateway(redis.url, { ...env, QUEUE_PREFIX, SYNC_WAIT: '100ms' });
    const id = await jobId(detect(at, 'first', LATER));
    await expect.poll(async () => (await detect(at, randomUUID(), LATER)).status, { timeout: 10_000 }).toBe(503);
    for (const path of ['/face_detection', '/face-detection', '/invocations']) {
      for (const [gateway, headers, status] of [
        [at, LATER, 202],
        [other, { prefer: 'wait=0' }, 202],
        [other, {}, 504],
      ] as const) {
        const again = await detect(gateway, 'first', headers, path);
        expect([path, again.status, again.headers.get('x-job-id')]).toEqual([path, status, id]);
      }
    }
    expect((await detect(other, 'third')).status).toBe(503);
    await at.queue.cancel(id!);
    const ended = await detect(at, 'first');
    expect([ended.status, ended.headers.get('x-job-id')]).toEqual([409, id]);
  });

  it('of jobs that are served too slowly for its caller gets its job', async () => {
    await using at = await startTestGateway(redis.url, { SYNC_WAIT: '100ms' });
    const id = await jobId(detect(at, 'first', LATER));
    await slowQueue(at, () => detect(at, null, LATER));
    expect((await detect(at, 'second')).status).toBe(503);
    const again = await detect(at, 'first');
    expect([again.status, again.headers.get('x-job-id')]).toEqual([504, id]);
  });

  it('of another request is still told so', async () => {
    await using at = await startTestGateway(redis.url, { MAX_WAITING_JOBS: '1' });
    await detect(at, 'first', LATER);
    expect((await detect(at, 'first', LATER, '/face_detection?max_faces=1')).status).toBe(422);
  });
});

describe('while one caller has its share of the queue', () => {
  const limited = { MAX_WAITING_JOBS: '16', API_KEYS: apiKeys('flood', 'small') };
  const call = (at: TestGateway, name: string, headers: Record<string, string> = LATER) =>
    detect(at, null, { 'x-api-key': keyOf(name), ...headers });
  async function flooded(at: TestGateway): Promise<void> {
    for (let i = 0; i < 14; i++) expect((await call(at, 'flood')).status).toBe(202);
    await expect
      .poll(async () => (await at.queue.snapshot()).full.interactive?.flow, { timeout: 10_000 })
      .toBe('flood');
  }

  it('it hears that the queue is full, and once another waits, that it has its share', async () => {
    await using at = await startTestGateway(redis.url, limited);
    await flooded(at);
    expect(await (await call(at, 'flood')).json()).toMatchObject({ status: 503, code: 'queue_full' });
    expect((await call(at, 'small')).status).toBe(202);
    await expect.poll(async () => (await call(at, 'flood')).status).toBe(429);
    const refused = await call(at, 'flood');
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(await refused.json()).toMatchObject({
      code: 'quota_exceeded',
      detail: 'this caller has its share of the jobs that may wait; the rest is for others',
    });
    for (const path of ['/face-detection', '/invocations'])
      expect((await detect(at, null, { 'x-api-key': keyOf('flood'), ...LATER }, path)).status).toBe(429);
  });

  it.each([
    ['/face_detection', 'interactive', '16'],
    ['/cameras/gate/frames', 'cameras', '20'],
    ['/batches', 'bulk', '20'],
    ['/batches/{id}/items', 'bulk', '20'],
  ] as const)('POST %s of another is answered', async (path, queue, MAX_WAITING_JOBS) => {
    await using at = await startTestGateway(redis.url, { ...limited, MAX_WAITING_JOBS });
    const headers = { 'x-api-key': keyOf('small'), 'content-type': 'application/x-ndjson' };
    const made = await fetch(`${at.url}/batches?open=true`, { method: 'POST', headers });
    const { id } = (await made.json()) as BatchResource;
    // Its share of 16, which are four fifths of 20.
    for (let i = 0; i < 14; i++) await call(at, 'flood');
    await expect.poll(async () => (await at.queue.snapshot()).full[queue]?.flow, { timeout: 10_000 }).toBe('flood');
    const body = path.startsWith('/batches') ? '{"url":"https://example.com/a.jpg"}' : IMAGE;
    const type = path.startsWith('/batches') ? 'application/x-ndjson' : 'image/png';
    const answer = await fetch(at.url + path.replace('{id}', id), {
      method: 'POST',
      headers: { ...headers, ...LATER, 'content-type': type },
      body,
    });
    expect(answer.ok).toBe(true);
  });
});

describe('while the results of one caller fill what may be kept', () => {
  const LIMIT = 102_400;
  /** About 9 kB. */
  const crowd = encodeResult({ ...CANNED_RESULT, Faces: Array(40).fill(CANNED_RESULT.Faces[0]) });
  const crowded = ({ owner }: { owner: string }) =>
    owner === 'flood' ? { ...CANNED_OUTCOME, result: crowd } : CANNED_OUTCOME;
  const call = (at: TestGateway, name: string, headers: Record<string, string> = {}) =>
    detect(at, null, { 'x-api-key': keyOf(name), ...headers });

  it('it alone hears that the queue is full, at seven eighths; another’s calls are answered, and then it hears that it has its share', async () => {
    await using at = await startTestGateway(redis.url, {
      MAX_RESULT_BYTES: '100kb',
      API_KEYS: apiKeys('flood', 'small'),
    });
    await using _ = await startCannedWorker(at, crowded);
    const jobs: string[] = [];
    const flood = async () => {
      const answer = await call(at, 'flood');
      if (answer.ok) jobs.push(answer.headers.get('x-job-id')!);
      return answer;
    };
    let refused = await flood();
    while (refused.status === 200) refused = await flood();
    expect([refused.status, await refused.json()]).toMatchObject([503, { code: 'queue_full' }]);
    expect(jobs.length * crowd.length).toBeGreaterThanOrEqual((LIMIT * 7) / 8);
    expect((jobs.length - 1) * crowd.length).toBeLessThan((LIMIT * 7) / 8);

    expect((await call(at, 'small')).status).toBe(200);
    await expect.poll(async () => (await call(at, 'flood')).status, { timeout: 10_000 }).toBe(429);
    refused = await flood();
    expect(await refused.json()).toMatchObject({
      code: 'quota_exceeded',
      detail: 'this caller has its share of the results that may be kept; the rest is for others',
    });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await call(at, 'small')).status).toBe(200);

    for (const id of jobs.splice(0, 2)) {
      const headers = { 'x-api-key': keyOf('flood') };
      expect((await fetch(`${at.url}/jobs/${id}`, { method: 'DELETE', headers })).status).toBe(204);
    }
    expect((await flood()).status).toBe(200);
  });

  it('jobs that it had waiting may fill more than all of it, and another’s first calls are answered nevertheless', async () => {
    await using at = await startTestGateway(redis.url, {
      MAX_RESULT_BYTES: '100kb',
      API_KEYS: apiKeys('flood', 'small'),
    });
    for (let i = 0; i < 30; i++) expect((await call(at, 'flood', LATER)).status).toBe(202);
    await using _ = await startCannedWorker(at, crowded);
    await expect.poll(async () => (await at.queue.snapshot()).resultBytes, { timeout: 10_000 }).toBe(30 * crowd.length);
    expect(30 * crowd.length).toBeGreaterThan(2 * LIMIT);
    for (let i = 0; i < 10; i++) expect((await call(at, 'small')).status).toBe(200);
    await expect.poll(async () => (await call(at, 'flood')).status, { timeout: 10_000 }).toBe(429);
  });
});
