import { type IncomingMessage, request } from 'node:http';
import { Readable } from 'node:stream';
import type { ClaimedJob, Outcome } from '@facequeue/queue';
import { ERROR_CATALOGUE, type ErrorCode, type JobResource, type Problem } from '@facequeue/schema';
import { encodeResult } from '@facequeue/schema/result-codec';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import {
  CANNED_OUTCOME,
  CANNED_RESULT,
  type CannedWorker,
  DETAILED_OUTCOME,
  DETAILED_RESULT,
  startCannedWorker,
  startTestGateway,
  type TestGateway,
} from '../../../../test/support/gateway/index.ts';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { readEvents } from '../streaming/testing/sse-reader.ts';

/** Bytes of no image format, with every byte value. */
const IMAGE = Buffer.from(Array.from({ length: 70_000 }, (_, i) => i % 251));

const SUCCEEDED = CANNED_OUTCOME as Extract<Outcome, { status: 'succeeded' }>;

let redis: TestRedis;
let gateway: TestGateway;
let worker: CannedWorker;
let answer: (job: ClaimedJob, bytes: Buffer | null) => Outcome | Promise<Outcome> = () => CANNED_OUTCOME;

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url);
  worker = await startCannedWorker(gateway, (job, bytes) => answer(job, bytes));
});

afterEach(() => {
  answer = () => CANNED_OUTCOME;
});

afterAll(async () => {
  await worker?.close();
  await gateway?.close();
  await redis?.stop();
});

interface Sent {
  body?: RequestInit['body'];
  type?: string;
  query?: string;
  path?: string;
  headers?: Record<string, string>;
  at?: TestGateway;
}

function post({ body, type, query = '', path = '/face_detection', headers = {}, at = gateway }: Sent) {
  return fetch(`${at.url}${path}${query}`, {
    method: 'POST',
    headers: { ...(type && { 'content-type': type }), ...headers },
    body,
    ...(body instanceof ReadableStream && { duplex: 'half' }),
  } as RequestInit);
}

const raw = (more: Partial<Sent> = {}) => post({ body: IMAGE, type: 'application/octet-stream', ...more });
const json = (body: unknown, more: Partial<Sent> = {}) =>
  post({ body: JSON.stringify(body), type: 'application/json', ...more });

async function problem(response: Response): Promise<Problem> {
  const body = (await response.json()) as Problem;
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  expect(body.status).toBe(response.status);
  return body;
}

function multipart(part: 'img' | 'url') {
  const form = new FormData();
  if (part === 'img') form.append('img', new Blob([IMAGE]), 'photo.jpg');
  else form.append('url', 'https://example.org/photo.jpg');
  return form;
}

describe('a detection call', () => {
  it.each(['/face_detection', '/face-detection', '/invocations'])('%s answers with the faces', async (path) => {
    const response = await raw({ path });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(await response.json()).toEqual(CANNED_RESULT);
  });

  it.each<[string, () => Promise<Response>]>([
    ['as octet-stream', () => raw()],
    ['as image/jpeg', () => raw({ type: 'image/jpeg' })],
    ['as image/x-anything', () => raw({ type: 'IMAGE/X-anything; a=b' })],
    [
      'in chunks',
      () => raw({ body: Readable.toWeb(Readable.from([IMAGE.subarray(0, 9), IMAGE.subarray(9)])) as ReadableStream }),
    ],
    ['in base64', () => json({ img: IMAGE.toString('base64') })],
    ['in URL-safe base64', () => json({ img: IMAGE.toString('base64url') })],
    ['as a data URL', () => json({ img: `data:image/jpeg;base64,${IMAGE.toString('base64')}` })],
    [
      'in JSON with a charset',
      () => json({ img: IMAGE.toString('base64') }, { type: 'application/json;charset="UTF-8"' }),
    ],
    ['in a form', () => post({ body: multipart('img') })],
  ])('hands the image to the worker byte by byte when it comes %s', async (_, send) => {
    expect((await send()).status).toBe(200);
    const { job, bytes } = worker.seen.at(-1)!;
    expect(job.source).toEqual({ kind: 'inline' });
    expect(bytes!.equals(IMAGE)).toBe(true);
  });

  it.each<[string, () => Promise<Response>]>([
    ['JSON', () => json({ url: 'https://example.org/photo.jpg' })],
    ['a form', () => post({ body: multipart('url') })],
  ])('hands a URL in %s to the worker', async (_, send) => {
    expect((await send()).status).toBe(200);
    expect(worker.seen.at(-1)!.job.source).toEqual({ kind: 'url', url: 'https://example.org/photo.jpg' });
  });

  it('names its job, the location of the job, and the duration of each stage', async () => {
    const response = await raw();
    const id = response.headers.get('x-job-id');
    expect(id).toBe(worker.seen.at(-1)!.job.id);
    expect(response.headers.get('location')).toBe(`/jobs/${id}`);
    expect(response.headers.get('server-timing')).toBe(
      'queue;dur=3, fetch;dur=0, decode;dur=14, detect;dur=17, landmarks;dur=3, attributes;dur=2',
    );
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  it('says the size of the upright image', async () => {
    const { width, height } = SUCCEEDED.image!;
    expect((await raw()).headers.get('x-image-size')).toBe(`${width}x${height}`);
  });

  it('says how many faces were left out, and nothing when none was', async () => {
    expect((await raw()).headers.get('x-faces-left-out')).toBeNull();
    answer = () => ({ ...SUCCEEDED, image: { ...SUCCEEDED.image, faces_left_out: 1304 } });
    expect((await raw()).headers.get('x-faces-left-out')).toBe('1304');
  });

  it('has what detail adds wherever a result is shown, and nothing of it without', async () => {
    // biome-ignore lint/suspicious/noExplicitAny: whatever the gateway answers
    const bodyOf = async (response: Promise<Response>): Promise<any> => (await response).json();
    const seen = async () => {
      const response = await raw({ query: '?detail=true' });
      const job = await bodyOf(fetch(`${gateway.url}/jobs/${response.headers.get('x-job-id')}`));
      const batch = await bodyOf(json({ items: [{ img: 'AAAA' }], options: { detail: true } }, { path: '/batches' }));
      const lines = await (await fetch(`${gateway.url}/batches/${batch.id}/results?follow=true`)).text();
      const frame = await bodyOf(raw({ path: '/cameras/gate/frames', query: '?detail=true' }));
      await bodyOf(fetch(`${gateway.url}/jobs/${frame.id}?wait=20`));
      using events = await readEvents(`${gateway.url}/cameras/gate/events?after=start`);
      let data: string | undefined;
      while (!data) ({ data } = (await events.next())!);
      return [await response.json(), job.result, JSON.parse(lines).result, JSON.parse(data).result];
    };
    answer = ({ options }) => (options.detail ? DETAILED_OUTCOME : CANNED_OUTCOME);
    for (const result of await seen()) expect(result).toEqual(DETAILED_RESULT);
    expect(await (await raw({ query: '?detail=false' })).json()).toEqual(CANNED_RESULT);
    expect(await (await raw()).json()).toEqual(CANNED_RESULT);
  });

  it('passes a well-formed request id of the caller on to job and log', async () => {
    const response = await raw({ headers: { 'x-request-id': 'my-id_1.2' } });
    expect(response.headers.get('x-request-id')).toBe('my-id_1.2');
    expect(worker.seen.at(-1)!.job.requestId).toBe('my-id_1.2');
    await expect
      .poll(() => gateway.lines)
      .toContainEqual(
        expect.objectContaining({ method: 'POST', route: '/face_detection', status: 200, request_id: 'my-id_1.2' }),
      );
    for (const unfit of ['a b', 'x'.repeat(65), '"', '{}']) {
      const id = (await raw({ headers: { 'x-request-id': unfit } })).headers.get('x-request-id');
      expect(id).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  it('logs neither query strings nor image URLs', async () => {
    expect(
      (await json({ url: 'https://example.org/a?token=hunter2' }, { query: '?min_confidence=0.123' })).status,
    ).toBe(200);
    expect((await raw({ path: '/secret-path-hunter2', query: '?hunter2' })).status).toBe(404);
    await expect.poll(() => gateway.lines.at(-1)).toMatchObject({ status: 404 });
    expect(JSON.stringify(gateway.lines)).not.toMatch(/hunter2|0\.123/);
  });

  it('passes its options on', async () => {
    const { landmark_106, gender, age, ...bare } = CANNED_RESULT.Faces[0]!;
    const result = { ...CANNED_RESULT, Faces: [bare] };
    answer = () => ({ ...SUCCEEDED, result: encodeResult(result) });
    const query =
      '?profile=small-faces&max_faces=7&min_confidence=.5&min_face_size=12.5&landmarks=false&attributes=false&priority=bulk';
    const response = await raw({ query });
    expect(await response.json()).toEqual(result);
    expect(worker.seen.at(-1)!.job).toMatchObject({
      queue: 'bulk',
      options: {
        profile: 'small-faces',
        max_faces: 7,
        min_confidence: 0.5,
        min_face_size: 12.5,
        landmarks: false,
        attributes: false,
        orient: true,
      },
    });
    await raw();
    expect(worker.seen.at(-1)!.job).toMatchObject({
      queue: 'interactive',
      options: { profile: 'balanced', landmarks: true, attributes: true },
    });
  });

  it.each([
    ['colour=red', /unknown option "colour"/],
    ['orient=false', /unknown option "orient"/],
    ['__proto__=1', /unknown option "__proto__"/],
    ['constructor=1', /unknown option "constructor"/],
    ['profile=best', /profile.*fast, balanced, small-faces/],
    ['profile=fast&profile=fast', /profile is given twice/],
    ['max_faces=0', /max_faces/],
    ['max_faces=1.5', /max_faces.*whole number/],
    ['max_faces=1e3', /max_faces.*whole number/],
    ['max_faces=', /max_faces/],
    ['max_faces=10001', /max_faces/],
    ['min_confidence=0', /min_confidence/],
    ['min_confidence=1.01', /min_confidence/],
    ['min_confidence=NaN', /min_confidence.*number/],
    ['min_face_size=-1', /min_face_size.*number/],
    ['min_face_size=16385', /min_face_size/],
    ['landmarks=no', /landmarks.*true, false or refined/],
    ['detail=all', /detail.*true or false/],
    ['priority=urgent', /priority.*bulk/],
    ['a[b]=c', /unknown option "a\[b\]"/],
    [`${'x'.repeat(5000)}=1`, /unknown option "x{64}…"/],
  ])('refuses the option %s by name', async (query, detail) => {
    const response = await raw({ query: `?${query}` });
    expect(response.status).toBe(400);
    expect(await problem(response)).toMatchObject({ code: 'invalid_request', detail: expect.stringMatching(detail) });
  });
});

describe('a body that cannot be used', () => {
  it.each<[string, () => Promise<Response>, ErrorCode, RegExp]>([
    ['of another type', () => raw({ type: 'text/plain' }), 'unsupported_media_type', /image\/\*/],
    [
      'as curl sends it by itself',
      () => raw({ type: 'application/x-www-form-urlencoded' }),
      'unsupported_media_type',
      /-H/,
    ],
    ['without a type', () => post({ body: IMAGE }), 'unsupported_media_type', /missing/],
    [
      'in another charset',
      () => json({}, { type: 'application/json; charset=utf-16' }),
      'unsupported_media_type',
      /UTF-8/,
    ],
    [
      'compressed',
      () => raw({ headers: { 'content-encoding': 'gzip' } }),
      'unsupported_media_type',
      /Content-Encoding/,
    ],
    ['without bytes', () => raw({ body: new Uint8Array(0) }), 'invalid_request', /empty/],
    ['that is not JSON', () => post({ body: '{"img":', type: 'application/json' }), 'invalid_request', /JSON/],
    ['without bytes as JSON', () => post({ body: '', type: 'application/json' }), 'invalid_request', /empty/],
    ['that is not base64', () => json({ img: 'not base64!' }), 'invalid_base64', /base64/],
    ['with both members', () => json({ img: 'YWJj', url: 'http://a/b' }), 'invalid_request', /same time/],
    ['with neither member', () => json({}), 'invalid_request', /neither/],
    ['with a file URL', () => json({ url: 'file:///etc/passwd' }), 'invalid_request', /http, https or s3/],
    ['with a relative URL', () => json({ url: '/etc/passwd' }), 'invalid_request', /url/],
    ['with a password in its URL', () => json({ url: 'http://a:b@example.org/' }), 'invalid_request', /password/],
    ['with a form without a boundary', () => raw({ type: 'multipart/form-data' }), 'invalid_request', /boundary/],
  ])('%s is told what is wrong', async (_, send, code, detail) => {
    const response = await send();
    expect(await problem(response)).toMatchObject({ code, detail: expect.stringMatching(detail) });
    expect(response.headers.get('x-job-id')).toBeNull();
  });

  it('is refused just above the size limit and accepted at it, in every form', async () => {
    const limit = 100_000;
    await using at = await startTestGateway(redis.url, { MAX_IMAGE_BYTES: String(limit) });
    await using _ = await startCannedWorker(at);
    for (const [size, status] of [
      [limit, 200],
      [limit + 1, 413],
    ] as const) {
      const image = Buffer.alloc(size, 7);
      const form = new FormData();
      form.append('img', new Blob([image]), 'a');
      const chunks = Readable.toWeb(
        Readable.from([image.subarray(0, 60_000), image.subarray(60_000)]),
      ) as ReadableStream;
      const sent = [
        raw({ at, body: image }),
        raw({ at, body: chunks }),
        json({ img: image.toString('base64') }, { at }),
        post({ at, body: form }),
      ];
      for (const response of await Promise.all(sent)) {
        expect(response.status).toBe(status);
        if (status === 413) expect((await problem(response)).detail).toMatch(/100000 bytes/);
      }
    }
  });
});

describe('a job that does not succeed', () => {
  it.each<ErrorCode>([
    'unsupported_media_type',
    'body_too_large',
    'image_too_large',
    'image_undecodable',
    'source_forbidden',
    'source_unreachable',
    'source_timeout',
    'engine_crashed',
    'engine_timeout',
    'internal_error',
  ])('with %s answers that error, with the job', async (code) => {
    answer = () => ({ status: 'failed', error: { code, detail: `about ${code}` } });
    const response = await raw();
    expect(response.status).toBe(ERROR_CATALOGUE[code].status);
    const { id } = worker.seen.at(-1)!.job;
    expect(await problem(response)).toEqual({
      type: expect.stringContaining(code),
      title: ERROR_CATALOGUE[code].title,
      status: ERROR_CATALOGUE[code].status,
      detail: `about ${code}`,
      code,
      job_id: id,
    });
    expect(response.headers.get('location')).toBe(`/jobs/${id}`);
  });

  it('because it was canceled answers 409', async () => {
    await using at = await startTestGateway(redis.url);
    const waiting = raw({ at });
    await expect.poll(() => queuedId(at)).not.toBeNull();
    await at.queue.cancel((await queuedId(at))!);
    expect(await problem(await waiting)).toMatchObject({ status: 409, code: 'canceled' });
  });

  it('because nothing started it in time answers 503 and when to retry', async () => {
    await using at = await startTestGateway(redis.url, { START_WITHIN: '300ms' });
    const response = await raw({ at });
    expect(await problem(response)).toMatchObject({ status: 503, code: 'expired' });
    expect(response.headers.get('retry-after')).toBe('5');
  });
});

describe('a call that waits', () => {
  it('for longer than SYNC_WAIT is answered 504 with the location of its result', async () => {
    await using at = await startTestGateway(redis.url, { SYNC_WAIT: '200ms' });
    const response = await raw({ at });
    const id = response.headers.get('x-job-id');
    expect(await problem(response)).toMatchObject({ status: 504, code: 'wait_timeout', job_id: id });
    const location = response.headers.get('location')!;
    const job = async () => (await (await fetch(at.url + location)).json()) as JobResource;
    expect(await job()).toMatchObject({ id, status: 'queued', result: null });
    await using _ = await startCannedWorker(at);
    await expect.poll(async () => (await job()).status, { timeout: 20_000 }).toBe('succeeded');
    expect((await job()).result).toEqual(CANNED_RESULT);
  });

  it('and disconnects while its job is queued cancels it', async () => {
    await using at = await startTestGateway(redis.url);
    const disconnect = new AbortController();
    const call = fetch(`${at.url}/face_detection`, {
      method: 'POST',
      body: IMAGE,
      headers: { 'content-type': 'image/png' },
      signal: disconnect.signal,
    }).catch(() => {});
    await expect.poll(() => queuedId(at)).not.toBeNull();
    const id = (await queuedId(at))!;
    disconnect.abort();
    await call;
    await expect.poll(async () => (await at.queue.read(id))!.status).toBe('canceled');
    await expect.poll(() => at.lines.at(-1)).toMatchObject({ status: 499, job_id: id });
  });

  it('and disconnects while its job runs lets it run', async () => {
    const running = Promise.withResolvers<string>();
    const done = Promise.withResolvers<void>();
    answer = async (job) => {
      running.resolve(job.id);
      await done.promise;
      return CANNED_OUTCOME;
    };
    const disconnect = new AbortController();
    const call = raw({}).catch(() => {});
    const cut = fetch(`${gateway.url}/face_detection`, {
      method: 'POST',
      body: IMAGE,
      headers: { 'content-type': 'image/png', 'x-request-id': 'hangs-up' },
      signal: disconnect.signal,
    }).catch(() => {});
    await running.promise;
    await expect.poll(() => worker.seen.some(({ job }) => job.requestId === 'hangs-up')).toBe(true);
    const { id } = worker.seen.find(({ job }) => job.requestId === 'hangs-up')!.job;
    await expect.poll(async () => (await gateway.queue.read(id))!.status).toBe('processing');
    disconnect.abort();
    await cut;
    await expect
      .poll(() => gateway.lines.find((line) => line['request_id'] === 'hangs-up'))
      .toMatchObject({ status: 499 });
    done.resolve();
    await call;
    await expect.poll(async () => (await gateway.queue.read(id))!.status).toBe('succeeded');
  });
});

describe('a full installation', () => {
  it('refuses calls before receiving their bodies, and says when to retry', async () => {
    await using at = await startTestGateway(redis.url, { MAX_WAITING_JOBS: '1', SYNC_WAIT: '100ms' });
    expect((await raw({ at })).status).toBe(504);
    // The snapshot may be 250 ms old; until it is fresh, the submit refuses.
    await expect
      .poll(async () => {
        const { status, sent, retryAfter } = await offer(at);
        return { status, sent, retryAfter: retryAfter > 0 };
      })
      .toEqual({ status: 503, sent: false, retryAfter: true });
  });

  it('refuses bodies beyond its memory until others are done', async () => {
    await using at = await startTestGateway(redis.url, {
      MAX_IMAGE_BYTES: '100000',
      MAX_INFLIGHT_BODY_BYTES: '300000',
    });
    await using _ = await startCannedWorker(at);
    const slow = (bytes: number) => {
      const call = request(`${at.url}/face_detection`, {
        method: 'POST',
        headers: { 'content-type': 'image/png', 'content-length': bytes, expect: '100-continue' },
      });
      call.flushHeaders();
      return call;
    };
    const slowCalls = [slow(100_000), slow(100_000), slow(100_000)];
    await Promise.all(slowCalls.map((call) => new Promise((resolve) => call.once('continue', resolve))));
    // What is announced takes no memory, what has arrived does.
    expect((await raw({ at })).status).toBe(200);
    for (const call of slowCalls) call.write(Buffer.alloc(85_000, 7));
    await expect.poll(() => offer(at)).toMatchObject({ status: 429, sent: false, retryAfter: 1 });
    // A client that disconnects releases its memory; so does one that is served.
    slowCalls[0]!.on('error', () => {}).destroy();
    await expect.poll(async () => (await raw({ at })).status).toBe(200);
    for (const call of slowCalls.slice(1)) {
      const status = new Promise<number>((resolve) =>
        call.once('response', (response) => resolve(response.statusCode!)),
      );
      call.end(Buffer.alloc(15_000, 7));
      expect(await status).toBe(200);
    }
    for (let i = 0; i < 5; i++) expect((await raw({ at })).status).toBe(200);
  });
});

describe('an outage of Redis', () => {
  it('answers 503 until Redis is back; then calls succeed again', async () => {
    await using own = await startRedis({ appendonly: 'always' });
    await using at = await startTestGateway(own.url);
    await using _ = await startCannedWorker(at);
    expect((await raw({ at })).status).toBe(200);
    await own.kill();
    await expect.poll(async () => (await raw({ at })).status, { timeout: 10_000 }).toBe(503);
    const response = await raw({ at });
    expect(await problem(response)).toMatchObject({ code: 'unavailable' });
    expect(response.headers.get('retry-after')).toBe('2');
    const ready = await fetch(`${at.url}/readyz`);
    expect(await problem(ready)).toMatchObject({
      code: 'unavailable',
      detail: expect.stringMatching(/not reachable|Redis/),
    });
    expect((await fetch(`${at.url}/livez`)).status).toBe(200);
    await own.restart();
    await expect.poll(async () => (await raw({ at })).status, { timeout: 30_000 }).toBe(200);
  });
});

/** Sends its body only after 100 Continue. */
async function offer(at: TestGateway): Promise<{ status: number; sent: boolean; retryAfter: number }> {
  const call = request(`${at.url}/face_detection`, {
    method: 'POST',
    headers: { 'content-type': 'image/png', 'content-length': IMAGE.length, expect: '100-continue' },
  });
  call.on('error', () => {});
  let sent = false;
  call.on('continue', () => {
    sent = true;
    call.end(IMAGE);
  });
  call.flushHeaders();
  const response = await new Promise<IncomingMessage>((resolve) => call.once('response', resolve));
  response.resume();
  call.destroy();
  return { status: response.statusCode!, sent, retryAfter: Number(response.headers['retry-after'] ?? 0) };
}

/** The id of the one waiting job. */
async function queuedId(at: TestGateway): Promise<string | null> {
  const client = new Redis(at.redisUrl);
  try {
    const [key] = await client.keys(`${at.prefix.replaceAll('{', '\\{')}:job:*`);
    return key?.slice(key.lastIndexOf(':') + 1) ?? null;
  } finally {
    client.disconnect();
  }
}
