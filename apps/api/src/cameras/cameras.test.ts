import { createHash } from 'node:crypto';
import { CameraList, type CameraResource, JobResource, type Problem } from '@facequeue/schema';
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
import { readEvents } from '../streaming/testing/sse-reader.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis?.stop());

const JPEG = { 'content-type': 'image/jpeg' };

function post(at: TestGateway, camera: string, query = '', headers: Record<string, string> = {}, body = 'image') {
  return fetch(`${at.url}/cameras/${camera}/frames${query}`, {
    method: 'POST',
    headers: { ...JPEG, ...headers },
    body,
  });
}

async function problemOf(response: Response) {
  return { status: response.status, ...((await response.json()) as Pick<Problem, 'code' | 'detail'>) };
}

async function get<T>(at: TestGateway, path: string, headers: Record<string, string> = {}): Promise<T> {
  return (await (await fetch(at.url + path, { headers })).json()) as T;
}

describe('POST /cameras/{camera}/frames', () => {
  it('answers with the job of the frame, whose options reach the worker', async () => {
    await using at = await startTestGateway(redis.url, { BASE_PATH: '/prod' });
    const taken = '2026-01-02T04:04:05.678+01:00';
    const query = '?keep=all&max_age=5&profile=fast&max_faces=2&landmarks=false';
    const response = await post(at, 'gate-1', query, { 'x-frame-time': taken, 'x-request-id': 'from-test' });
    expect(response.status).toBe(202);
    const job = (await response.json()) as JobResource;
    expect(JobResource.strict().parse(job)).toMatchObject({
      status: 'queued',
      queue: 'cameras',
      frame: { camera: 'gate-1', frame_time: '2026-01-02T03:04:05.678Z' },
    });
    expect(Date.parse(job.expires_at) - Date.parse(job.created_at)).toBe(5000);
    expect(response.headers.get('x-job-id')).toBe(job.id);
    expect(response.headers.get('location')).toBe(`/prod/jobs/${job.id}`);
    await expect
      .poll(() => at.lines)
      .toContainEqual(expect.objectContaining({ route: '/cameras/{camera}/frames', status: 202, job_id: job.id }));

    await using worker = await startCannedWorker(at);
    await expect.poll(async () => (await get<JobResource>(at, `/jobs/${job.id}`)).status).toBe('succeeded');
    expect(worker.seen).toMatchObject([
      { job: { requestId: 'from-test', options: { profile: 'fast', max_faces: 2, landmarks: false, orient: true } } },
    ]);
    expect(worker.seen[0]!.bytes!.toString()).toBe('image');
    expect(await get(at, `/jobs/${job.id}`)).toMatchObject({ result: CANNED_RESULT, frame: { camera: 'gate-1' } });
  });

  it('with keep=latest supersedes the waiting frame; with keep=all waits after it', async () => {
    await using at = await startTestGateway(redis.url);
    const ids = [];
    for (const query of ['', '', '?keep=all', '?keep=all']) {
      ids.push((await post(at, 'gate-1', query)).headers.get('x-job-id'));
    }
    const jobs = await Promise.all(ids.map((id) => get<JobResource>(at, `/jobs/${id}`)));
    expect(jobs.map(({ status, error }) => [status, error?.code, error?.status])).toEqual([
      ['canceled', 'superseded', 409],
      ['queued', undefined, undefined],
      ['queued', undefined, undefined],
      ['queued', undefined, undefined],
    ]);
    expect(JobResource.strict().parse(jobs[0])).toEqual(jobs[0]);
  });

  it('ends a frame that is not started within max_age', async () => {
    await using at = await startTestGateway(redis.url);
    const id = (await post(at, 'gate-1', '?max_age=0.05')).headers.get('x-job-id');
    const { status, error } = await get<JobResource>(at, `/jobs/${id}?wait=20`);
    expect([status, error?.code]).toEqual(['expired', 'expired']);
  });

  it('refuses what it cannot use, and says what it accepts', async () => {
    await using at = await startTestGateway(redis.url, { MAX_IMAGE_BYTES: '1kb' });
    expect(await problemOf(await post(at, 'a%20b'))).toMatchObject({
      status: 400,
      code: 'invalid_request',
      detail: expect.stringContaining('1 to 64 characters'),
    });
    expect(await problemOf(await post(at, 'gate-1', '?keep=newest'))).toMatchObject({
      status: 400,
      detail: 'option keep: expected one of latest, all',
    });
    expect(await problemOf(await post(at, 'gate-1', '', { 'x-frame-time': 'now' }))).toMatchObject({
      status: 400,
      detail: expect.stringContaining('2026-01-02T03:04:05.678Z'),
    });
    for (const type of ['application/json', 'multipart/form-data; boundary=x', 'text/plain']) {
      expect(await problemOf(await post(at, 'gate-1', '', { 'content-type': type }))).toMatchObject({
        status: 415,
        detail: expect.stringMatching(/not supported( here)?; send image\/\* or application\/octet-stream$/),
      });
    }
    expect(await problemOf(await post(at, 'gate-1', '', {}, ''))).toMatchObject({
      status: 400,
      code: 'invalid_request',
    });
    expect(await problemOf(await post(at, 'gate-1', '', {}, 'x'.repeat(1001)))).toMatchObject({
      status: 413,
      code: 'body_too_large',
    });
    expect((await get<CameraList>(at, '/cameras')).cameras).toEqual([]);
  });

  it('refuses a frame unread while there is no room for it', async () => {
    await using at = await startTestGateway(redis.url, { MAX_WAITING_JOBS: '2' });
    expect((await post(at, 'gate-1')).status).toBe(202);
    await expect.poll(async () => (await at.queue.snapshot()).full.cameras).not.toBeNull();
    using raw = await openRaw(at.port);
    await raw.send(
      'POST /cameras/gate-2/frames HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n' +
        'Content-Length: 100\r\nExpect: 100-continue\r\n\r\n',
    );
    const { status, headers, body } = parseRaw(await raw.until('queue_full'));
    expect([status, JSON.parse(body).code]).toEqual([503, 'queue_full']);
    expect(headers).toMatch(/^Retry-After: \d+\r?$/im);
  });

  it('accepts a frame that replaces another although the queue is full', async () => {
    await using at = await startTestGateway(redis.url, { MAX_WAITING_JOBS: '2' });
    const first = (await post(at, 'gate-1')).headers.get('x-job-id');
    await expect.poll(async () => (await at.queue.snapshot()).full.cameras).not.toBeNull();
    expect((await post(at, 'gate-1')).status).toBe(202);
    expect((await get<JobResource>(at, `/jobs/${first}`)).error?.code).toBe('superseded');
    expect(await problemOf(await post(at, 'gate-1', '?keep=all'))).toMatchObject({ status: 503, code: 'queue_full' });
    expect(await problemOf(await post(at, 'gate-2'))).toMatchObject({ status: 503, code: 'queue_full' });
  });

  it('under COMPAT=aws ignores EXIF orientation, and allows cross-origin requests', async () => {
    await using at = await startTestGateway(redis.url, { COMPAT: 'aws' });
    await using worker = await startCannedWorker(at);
    expect((await post(at, 'gate-1')).status).toBe(202);
    await expect.poll(() => worker.seen[0]?.job.options.orient).toBe(false);
    const preflight = await fetch(`${at.url}/cameras/gate-1/frames`, { method: 'OPTIONS' });
    expect(preflight.headers.get('access-control-allow-headers')).toContain('X-Frame-Time');
  });
});

describe('GET /cameras', () => {
  it('shows what each camera has done, exactly as documented', async () => {
    await using at = await startTestGateway(redis.url);
    {
      await using _ = await startCannedWorker(at, (_, bytes) =>
        bytes?.toString() === 'bad'
          ? { status: 'failed', error: { code: 'image_undecodable', detail: 'half an image' } }
          : CANNED_OUTCOME,
      );
      for (const body of ['image', 'bad', 'image']) {
        const id = (await post(at, 'gate-2', '?keep=all', {}, body)).headers.get('x-job-id');
        await get(at, `/jobs/${id}?wait=20`);
      }
    }
    const last = (await post(at, 'gate-1')).headers.get('x-job-id');
    const list = await get<CameraList>(at, '/cameras');
    expect(CameraList.strict().parse(list)).toEqual(list);
    expect(list.cameras.map(({ camera }) => camera)).toEqual(['gate-1', 'gate-2']);
    const nothing = {
      posted: 0,
      waiting: 0,
      processing: 0,
      succeeded: 0,
      failed: 0,
      superseded: 0,
      expired: 0,
      canceled: 0,
    };
    expect(list.cameras[0]).toMatchObject({
      keep: 'latest',
      last_result_at: null,
      last_job: last,
      counts: { ...nothing, posted: 1, waiting: 1 },
      links: { frames: '/cameras/gate-1/frames', events: '/cameras/gate-1/events' },
    });
    const one = await get<CameraResource>(at, '/cameras/gate-2');
    expect(one).toMatchObject({
      keep: 'all',
      last_result_at: expect.any(String),
      counts: { ...nothing, posted: 3, succeeded: 2, failed: 1 },
    });
    expect(one.frames_per_second.processed).toBeGreaterThan(0);
  });

  it('lists no camera that has posted nothing, and shows each key its own only', async () => {
    const key = (name: string) => `${name}:${createHash('sha256').update(`key of ${name}`).digest('hex')}`;
    await using at = await startTestGateway(redis.url, { API_KEYS: `${key('shop')}, ${key('archive')}` });
    const [shop, archive] = [{ 'x-api-key': 'key of shop' }, { 'x-api-key': 'key of archive' }];
    expect((await post(at, 'gate-1')).status).toBe(401);
    expect((await post(at, 'gate-1', '', shop)).status).toBe(202);
    expect((await get<CameraResource>(at, '/cameras/gate-1', shop)).camera).toBe('gate-1');
    expect((await get<CameraList>(at, '/cameras', archive)).cameras).toEqual([]);
    expect(await problemOf(await fetch(`${at.url}/cameras/gate-1`, { headers: archive }))).toMatchObject({
      status: 404,
      code: 'not_found',
    });
    await expect
      .poll(() => at.lines)
      .toContainEqual(expect.objectContaining({ route: '/cameras', status: 200, key: 'archive' }));
  });

  it('refuses unknown options and invalid names', async () => {
    await using at = await startTestGateway(redis.url);
    for (const path of ['/cameras?all=true', '/cameras/gate-1?x=1', '/cameras/a%2Fb'])
      expect((await fetch(at.url + path)).status, path).toBe(400);
  });
});

describe('MAX_CAMERAS', () => {
  it('limits the cameras: the longest idle one gives way, and when none is idle the share of the caller is used up', async () => {
    await using at = await startTestGateway(redis.url, { MAX_CAMERAS: '2' });
    {
      await using _ = await startCannedWorker(at);
      for (const camera of ['a', 'b', 'c']) {
        const id = (await post(at, camera)).headers.get('x-job-id');
        expect((await get<JobResource>(at, `/jobs/${id}?wait=20`)).status).toBe('succeeded');
      }
    }
    expect((await get<CameraList>(at, '/cameras')).cameras.map(({ camera }) => camera)).toEqual(['b', 'c']);
    for (const camera of ['d', 'e']) expect((await post(at, camera)).status).toBe(202);
    const refused = await post(at, 'f');
    expect(refused.headers.get('retry-after')).toBe('30');
    expect(await problemOf(refused)).toMatchObject({
      status: 429,
      code: 'quota_exceeded',
      detail: 'the share of cameras is used up, and none of them is idle',
    });
  });

  it('is shared by API keys: one that posts many names leaves room for the first camera of another', async () => {
    await using at = await startTestGateway(redis.url, { MAX_CAMERAS: '8', API_KEYS: apiKeys('anna', 'ben') });
    const of = (owner: string) => ({ 'x-api-key': keyOf(owner) });
    const statuses = [];
    for (let i = 0; i < 9; i++) statuses.push((await post(at, `c${i}`, '', of('anna'))).status);
    expect(statuses).toEqual([...Array(7).fill(202), 429, 429]);
    expect((await post(at, 'gate', '', of('ben'))).status).toBe(202);
    await using _ = await startCannedWorker(at);
    const counts = async () => (await get<CameraResource>(at, '/cameras/gate', of('ben'))).counts.succeeded;
    await expect.poll(counts, { timeout: 10_000 }).toBe(1);
  });
});

describe('DELETE /cameras/{camera}', () => {
  it('erases waiting frames and results: the camera is not found then, and its stream begins with what is posted next', async () => {
    await using at = await startTestGateway(redis.url);
    const erase = (camera: string) => fetch(`${at.url}/cameras/${camera}`, { method: 'DELETE' });
    const idOf = async (response: Promise<Response>) => (await response).headers.get('x-job-id')!;
    const ended = await idOf(post(at, 'gate-1'));
    {
      await using _ = await startCannedWorker(at);
      expect((await get<JobResource>(at, `/jobs/${ended}?wait=20`)).status).toBe('succeeded');
    }
    const waiting = await idOf(post(at, 'gate-1'));
    const wait = get<JobResource>(at, `/jobs/${waiting}?wait=20`);
    await post(at, 'gate-2');

    const erased = await erase('gate-1');
    expect([erased.status, await erased.text()]).toEqual([204, '']);
    expect(await wait).toMatchObject({
      status: 'canceled',
      error: { code: 'canceled', detail: 'the camera was deleted' },
    });
    expect((await fetch(`${at.url}/jobs/${ended}`)).status).toBe(410);
    expect((await fetch(`${at.url}/cameras/gate-1`)).status).toBe(404);
    expect((await get<CameraList>(at, '/cameras')).cameras.map(({ camera }) => camera)).toEqual(['gate-2']);
    expect((await erase('gate-1')).status).toBe(204);
    expect(await problemOf(await erase('gate-3'))).toMatchObject({ status: 404, code: 'not_found' });
    expect((await erase('a%20b')).status).toBe(400);

    const next = await idOf(post(at, 'gate-1'));
    await using _ = await startCannedWorker(at);
    expect((await get<JobResource>(at, `/jobs/${next}?wait=20`)).status).toBe('succeeded');
    using stream = await readEvents(`${at.url}/cameras/gate-1/events?after=start`);
    for (;;) {
      const event = (await stream.next())!;
      if (event.event !== 'frame') continue;
      expect(JSON.parse(event.data!).job).toBe(next);
      break;
    }
  });
});
