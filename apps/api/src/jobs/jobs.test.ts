import { createHash } from 'node:crypto';
import type { ClaimedJob, Outcome } from '@facequeue/queue';
import { JobResource, type Problem } from '@facequeue/schema';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CANNED_OUTCOME,
  CANNED_RESULT,
  type CannedWorker,
  startCannedWorker,
  startGatewayPair,
  startTestGateway,
  type TestGateway,
} from '../../../../test/support/gateway/index.ts';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { countOpen } from '../http/testing/open-waits.ts';

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

/** A UUIDv7 of the given time. */
function idOf(ms: number): string {
  const time = Math.max(0, ms).toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7abc-8abc-abcdefabcdef`;
}

describe('GET /jobs/{id}', () => {
  it('returns a job that succeeded, exactly as documented', async () => {
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

  it('returns a job that failed, with its error as a problem', async () => {
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

  it('returns a job that was canceled or expired, with the error that a waiting call gets', async () => {
    await using at = await startTestGateway(redis.url, { SYNC_WAIT: '100ms', START_WITHIN: '5s' });
    const [canceled, expired] = [await submit(at), await submit(at)];
    await at.queue.cancel(canceled);
    const { body } = await get(canceled, at);
    expect(body).toMatchObject({ status: 'canceled', result: null, error: { code: 'canceled', status: 409 } });
    await expect.poll(async () => (await get(expired, at)).body.status, { timeout: 20_000 }).toBe('expired');
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

describe('GET /jobs/{id}?wait=n', () => {
  it('answers as soon as the job ends, through whichever gateway', async () => {
    await using pair = await startGatewayPair(redis.url);
    const [one, other] = pair;
    const id = await submitLater(one);
    const waiting = [other, one].map((at) => fetch(`${at.url}/jobs/${id}?wait=60`));
    await using _ = await startCannedWorker(one);
    for (const response of await Promise.all(waiting)) {
      expect(await response.json()).toMatchObject({ id, status: 'succeeded', result: CANNED_RESULT });
      expect(response.headers.get('retry-after')).toBeNull();
    }
    // The job has ended: the answer does not wait.
    expect((await (await fetch(`${other.url}/jobs/${id}?wait=60`)).json()) as object).toMatchObject({
      status: 'succeeded',
    });
  });

  it('answers with the job as it is when time is up; its caller may wait again at once', async () => {
    await using at = await startTestGateway(redis.url);
    const id = await submitLater(at);
    const response = await fetch(`${at.url}/jobs/${id}?wait=1`);
    expect([response.status, response.headers.get('retry-after')]).toEqual([200, '0']);
    expect(await response.json()).toMatchObject({ id, status: 'queued' });
    const glance = await fetch(`${at.url}/jobs/${id}?wait=0`);
    expect(Number(glance.headers.get('retry-after'))).toBeGreaterThan(0);
  });

  it('answers 410 when the job is erased meanwhile, and at once for an unknown job', async () => {
    await using pair = await startGatewayPair(redis.url);
    const [one, other] = pair;
    const open = countOpen(one.queue);
    const id = await submitLater(one);
    const waiting = fetch(`${one.url}/jobs/${id}?wait=60`);
    await expect.poll(() => open.waits).toBe(1);
    await fetch(`${other.url}/jobs/${id}`, { method: 'DELETE' });
    expect((await waiting).status).toBe(410);
    expect((await fetch(`${one.url}/jobs/${id}?wait=60`)).status).toBe(410);
    expect(open.waits).toBe(0);
  });

  it('is freed at once when its client disconnects, and the job runs on', async () => {
    await using at = await startTestGateway(redis.url);
    const open = countOpen(at.queue);
    const id = await submitLater(at);
    const disconnect = new AbortController();
    const waiting = fetch(`${at.url}/jobs/${id}?wait=60`, { signal: disconnect.signal }).catch(() => {});
    await expect.poll(() => open.waits).toBe(1);
    disconnect.abort();
    await waiting;
    await expect.poll(() => open.waits).toBe(0);
    expect((await at.queue.read(id))!.status).toBe('queued');
  });

  it.each(['wait=61', 'wait=-1', 'wait=', 'wait=1.5', 'wait=1&wait=2', 'colour=red'])(
    '%s is refused',
    async (query) => {
      const response = await fetch(`${gateway.url}/jobs/${idOf(Date.now())}?${query}`);
      expect(await response.json()).toMatchObject({ status: 400, code: 'invalid_request' });
    },
  );
});

describe('POST /jobs/{id}/cancel', () => {
  const cancel = (at: TestGateway, id: string, init: RequestInit = {}) =>
    fetch(`${at.url}/jobs/${id}/cancel`, { method: 'POST', ...init });

  it('ends a queued job through any gateway, and may be repeated', async () => {
    await using pair = await startGatewayPair(redis.url);
    const id = await submitLater(pair[0]);
    for (const at of [pair[1], pair[1], pair[0]]) {
      const response = await cancel(at, id.toUpperCase());
      expect(response.status).toBe(200);
      expect(JobResource.strict().parse(await response.json())).toMatchObject({ id, status: 'canceled' });
    }
  });

  it('of a job that has ended is a conflict and changes nothing', async () => {
    const id = await submit();
    const response = await cancel(gateway, id);
    expect(await response.json()).toMatchObject({ status: 409, code: 'conflict', job_id: id });
    expect((await get(id)).body.status).toBe('succeeded');
  });

  it('answers unknown ids as GET does, and refuses options and bodies', async () => {
    expect((await cancel(gateway, idOf(Date.now()))).status).toBe(410);
    expect((await cancel(gateway, 'x')).status).toBe(404);
    const id = await submit();
    expect((await fetch(`${gateway.url}/jobs/${id}/cancel?now=true`, { method: 'POST' })).status).toBe(400);
    expect((await cancel(gateway, id, { body: '{}' })).status).toBe(400);
  });
});

describe('DELETE /jobs/{id}', () => {
  const erase = (at: TestGateway, id: string, headers: Record<string, string> = {}) =>
    fetch(`${at.url}/jobs/${id}`, { method: 'DELETE', headers });

  it('erases an ended job completely, and may be repeated', async () => {
    const id = await submit();
    for (let i = 0; i < 2; i++) {
      const response = await erase(gateway, id);
      expect([response.status, await response.text()]).toEqual([204, '']);
    }
    expect((await get(id)).status).toBe(410);
  });

  it('erases the image of a queued job before any worker gets it', async () => {
    await using pair = await startGatewayPair(redis.url);
    const id = await submitLater(pair[0]);
    expect((await erase(pair[1], id)).status).toBe(204);
    await using worker = await startCannedWorker(pair[0]);
    const next = await submitLater(pair[0]);
    expect(await (await fetch(`${pair[0].url}/jobs/${next}?wait=60`)).json()).toMatchObject({ status: 'succeeded' });
    expect(worker.seen.map(({ job }) => job.id)).toEqual([next]);
  });

  it("answers unknown ids as GET does, and cannot reach another key's job", async () => {
    expect((await erase(gateway, idOf(Date.now()))).status).toBe(410);
    expect((await erase(gateway, idOf(0))).status).toBe(404);
    expect((await erase(gateway, 'x')).status).toBe(404);
    const hash = (key: string) => createHash('sha256').update(key).digest('hex');
    await using at = await startTestGateway(redis.url, { API_KEYS: `a:${hash('a')},b:${hash('b')}` });
    const id = await submitLater(at, { 'x-api-key': 'a' });
    expect((await erase(at, id, { 'x-api-key': 'b' })).status).toBe(410);
    for (const path of ['', '/events']) {
      expect((await fetch(`${at.url}/jobs/${id}${path}`, { headers: { 'x-api-key': 'b' } })).status).toBe(410);
    }
    const cancel = await fetch(`${at.url}/jobs/${id}/cancel`, { method: 'POST', headers: { 'x-api-key': 'b' } });
    expect(cancel.status).toBe(410);
    expect((await at.queue.read(id))!.status).toBe('queued');
  });
});

/** Submits a job without waiting for it. */
async function submitLater(at: TestGateway, headers: Record<string, string> = {}): Promise<string> {
  const response = await fetch(`${at.url}/face_detection`, {
    method: 'POST',
    headers: { 'content-type': 'image/png', prefer: 'respond-async', ...headers },
    body: 'image',
  });
  expect(response.status).toBe(202);
  return ((await response.json()) as JobResource).id;
}
