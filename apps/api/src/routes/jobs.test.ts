import type { ClaimedJob, Outcome } from '@facequeue/queue';
import { JobResource, type Problem } from '@facequeue/schema';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CANNED_OUTCOME,
  CANNED_RESULT,
  type CannedWorker,
  startCannedWorker,
  startTestGateway,
  type TestGateway,
} from '../../../../test/support/gateway.ts';
import { startRedis, type TestRedis } from '../../../../test/support/redis.ts';

let redis: TestRedis;
let gateway: TestGateway;
let worker: CannedWorker;
let answer: (job: ClaimedJob) => Outcome = () => CANNED_OUTCOME;

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url);
  worker = await startCannedWorker(gateway, (job) => answer(job));
});

afterAll(async () => {
  await worker?.close();
  await gateway?.close();
  await redis?.stop();
});

async function submit(at = gateway): Promise<string> {
  const headers = { 'content-type': 'image/png' };
  const response = await fetch(`${at.url}/face_detection?priority=bulk`, { method: 'POST', headers, body: 'image' });
  await response.arrayBuffer();
  return response.headers.get('x-job-id')!;
}

async function get(id: string, at = gateway) {
  const response = await fetch(`${at.url}/jobs/${id}`);
  return {
    status: response.status,
    body: (await response.json()) as Omit<JobResource, 'status'> & Omit<Problem, 'status'> & { status: string },
  };
}

/** A UUIDv7 of a moment. */
function idOf(ms: number): string {
  const time = Math.max(0, ms).toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7abc-8abc-abcdefabcdef`;
}

describe('GET /jobs/{id}', () => {
  it('shows a job that succeeded, exactly as documented', async () => {
    const id = await submit();
    const { status, body } = await get(id);
    expect(status).toBe(200);
    expect(body).toEqual({
      id,
      status: 'succeeded',
      created_at: expect.any(String),
      started_at: expect.any(String),
      finished_at: expect.any(String),
      expires_at: expect.any(String),
      attempts: 1,
      queue: 'bulk',
      image: { width: 640, height: 480, format: 'jpeg', bytes: 1234, orientation: 1 },
      result: CANNED_RESULT,
      error: null,
      timings: { queue: 3, fetch: 0, decode: 14, detect: 17, landmarks: 3, attributes: 2 },
      links: { self: `/jobs/${id}`, events: `/jobs/${id}/events`, cancel: `/jobs/${id}/cancel` },
    });
    expect(JobResource.strict().parse(body)).toEqual(body);
    expect((await get(id.toUpperCase())).body.id).toBe(id);
  });

  it('shows a job that failed, with its error as a problem', async () => {
    answer = () => ({ status: 'failed', error: { code: 'image_undecodable', detail: 'the jpeg is cut off' } });
    const id = await submit();
    answer = () => CANNED_OUTCOME;
    const { status, body } = await get(id);
    expect(status).toBe(200);
    expect(body).toMatchObject({
      status: 'failed',
      result: null,
      error: { code: 'image_undecodable', status: 422, detail: 'the jpeg is cut off', job_id: id },
    });
    expect(JobResource.strict().parse(body)).toEqual(body);
  });

  it('shows a job that was canceled or expired, with the error a waiting call would get', async () => {
    await using at = await startTestGateway(redis.url, { SYNC_WAIT: '50ms', START_WITHIN: '1s' });
    const [canceled, expired] = [await submit(at), await submit(at)];
    await at.queue.cancel(canceled);
    const { body } = await get(canceled, at);
    expect(body).toMatchObject({ status: 'canceled', result: null, error: { code: 'canceled', status: 409 } });
    await expect.poll(async () => (await get(expired, at)).body.status, { timeout: 10_000 }).toBe('expired');
    expect((await get(expired, at)).body).toMatchObject({ error: { code: 'expired', status: 503 } });
  });

  it('answers 410 for an id that it may have made, and 404 for any other', async () => {
    const first = await gateway.queue.firstStart();
    const cases: [string, number][] = [
      [idOf(first), 410],
      [idOf(Date.now()), 410],
      [idOf(Date.now() + 50_000), 410],
      [idOf(first - 1), 404],
      [idOf(0), 404],
      [idOf(Date.now() + 120_000), 404],
      ['1', 404],
      ['01930000-0000-4000-8000-000000000000', 404],
      [`${idOf(first)}0`, 404],
      ['%E0%A4%A', 404],
      ['__proto__', 404],
      ['a%2Fb', 404],
      ['x'.repeat(5000), 404],
    ];
    for (const [id, status] of cases) {
      const { body, ...answer } = await get(id);
      expect(answer.status, id).toBe(status);
      expect(body.code).toBe(status === 410 ? 'gone' : 'not_found');
    }
  });
});
