import type { Outcome } from '@facequeue/queue';
import { DEFAULT_DETECTION_OPTIONS, type ErrorCode } from '@facequeue/schema';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  CANNED_OUTCOME,
  CANNED_RESULT,
  type CannedWorker,
  startCannedWorker,
  startTestGateway,
  type TestGateway,
} from '../../../../test/support/gateway/index.ts';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';

const INVALID = 'invalid param';
const BOTH = '`url` and `img` cannot be used at the same time';
const URL_ILLEGAL = '`parameter `url` illegal';
const IMG_ILLEGAL = '`parameter `img` illegal';

let redis: TestRedis;
let gateway: TestGateway;
let worker: CannedWorker;
let outcome: Outcome = CANNED_OUTCOME;

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url, { COMPAT: 'aws', BASE_PATH: '/prod/', ALLOW_OPEN: 'true' });
  worker = await startCannedWorker(gateway, () => outcome);
});

afterAll(async () => {
  await worker?.close();
  await gateway?.close();
  await redis?.stop();
});

function post(body: string, type = 'application/json', headers: Record<string, string> = {}) {
  return fetch(`${gateway.url}/face_detection`, {
    method: 'POST',
    headers: { 'content-type': type, ...headers },
    body,
  });
}

const failed = (code: ErrorCode): Outcome => ({ status: 'failed', error: { code, detail: 'why' } });
const IMG = '{"img":"YWJj"}';
const URL_BODY = '{"url":"http://a.example/b"}';

describe('COMPAT=aws', () => {
  it.each<[string, string, Outcome, string]>([
    ['text that is not JSON', '{', CANNED_OUTCOME, INVALID],
    ['neither member', '{}', CANNED_OUTCOME, INVALID],
    ['JSON that is not an object', '[]', CANNED_OUTCOME, INVALID],
    ['both members', '{"img":"YWJj","url":"http://a/b"}', CANNED_OUTCOME, BOTH],
    ['bad base64', '{"img":"!"}', CANNED_OUTCOME, IMG_ILLEGAL],
    ['an img that is not a string', '{"img":1}', CANNED_OUTCOME, IMG_ILLEGAL],
    ['an invalid url', '{"url":"nowhere"}', CANNED_OUTCOME, URL_ILLEGAL],
    ['an image that cannot be decoded', IMG, failed('image_undecodable'), IMG_ILLEGAL],
    ['bytes that are not an image', IMG, failed('unsupported_media_type'), IMG_ILLEGAL],
    ['an image that is too large', IMG, failed('image_too_large'), IMG_ILLEGAL],
    ['an image at a URL that cannot be decoded', URL_BODY, failed('image_undecodable'), URL_ILLEGAL],
    ['a URL that is not allowed', URL_BODY, failed('source_forbidden'), URL_ILLEGAL],
    ['a URL that does not answer', URL_BODY, failed('source_unreachable'), URL_ILLEGAL],
    ['a URL that is slow', URL_BODY, failed('source_timeout'), URL_ILLEGAL],
  ])("answers %s with the reference's text", async (_, body, then, text) => {
    outcome = then;
    const response = await post(body);
    outcome = CANNED_OUTCOME;
    expect(response.status).toBe(400);
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(await response.text()).toBe(text);
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
  });

  it('answers problem documents where the reference has no answer of its own', async () => {
    outcome = failed('engine_crashed');
    const response = await post(IMG);
    outcome = CANNED_OUTCOME;
    expect(response.status).toBe(500);
    expect(await response.json()).toMatchObject({ code: 'engine_crashed' });
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
  });

  it('ignores unknown members and EXIF orientation', async () => {
    const response = await post('{"img":"YWJj","colour":"red"}');
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual(CANNED_RESULT);
    expect(worker.seen.at(-1)!.job.options.orient).toBe(false);
  });

  it('passes native options on beside its own, and answers as Prefer asks with an Idempotency-Key', async () => {
    const url = `${gateway.url}/face_detection?max_faces=2&min_face_size=20&min_confidence=0.6&landmarks=false&priority=bulk`;
    const headers = {
      'content-type': 'application/json',
      prefer: 'respond-async, wait=20',
      'idempotency-key': 'native',
    };
    const ids: (string | null)[] = [];
    for (let i = 0; i < 2; i++) {
      const response = await fetch(url, { method: 'POST', headers, body: '{"img":"YWJj","colour":"red"}' });
      expect([response.status, response.headers.get('preference-applied')]).toEqual([200, 'wait=20']);
      ids.push(response.headers.get('x-job-id'));
    }
    const seen = worker.seen.filter(({ job }) => ids.includes(job.id));
    expect(seen.map(({ job }) => [job.queue, job.options])).toEqual([
      [
        'bulk',
        {
          ...DEFAULT_DETECTION_OPTIONS,
          orient: false,
          max_faces: 2,
          min_face_size: 20,
          min_confidence: 0.6,
          landmarks: false,
        },
      ],
    ]);
  });

  it('allows cross-origin requests, with keys and JSON', async () => {
    const preflight = await fetch(`${gateway.url}/face_detection`, {
      method: 'OPTIONS',
      headers: { origin: 'https://example.org', 'access-control-request-method': 'POST' },
    });
    expect(preflight.status).toBe(204);
    expect(preflight.headers.get('access-control-allow-origin')).toBe('*');
    expect(preflight.headers.get('access-control-allow-methods')).toContain('POST');
    expect(preflight.headers.get('access-control-allow-headers')).toMatch(/content-type.*x-api-key/i);
    const response = await post(IMG, 'application/json', { origin: 'https://example.org' });
    expect(response.status).toBe(200);
    expect(response.headers.get('access-control-allow-origin')).toBe('*');
  });
});

describe('BASE_PATH', () => {
  it('prefixes every path and every Location', async () => {
    const response = await post(IMG);
    const location = response.headers.get('location')!;
    expect(location).toBe(`/prod/jobs/${response.headers.get('x-job-id')}`);
    const job = await fetch(new URL(location, gateway.url));
    expect(await job.json()).toMatchObject({ status: 'succeeded', links: { self: location } });
    const { origin } = new URL(gateway.url);
    for (const path of ['/face_detection', '/system', '/openapi.json']) {
      const unprefixed = await fetch(origin + path, { method: path === '/face_detection' ? 'POST' : 'GET' });
      expect(unprefixed.status).toBe(404);
    }
    expect(await (await fetch(`${gateway.url}/openapi.json`)).json()).toMatchObject({ servers: [{ url: '/prod' }] });
  });

  it('keeps the probes at the root too', async () => {
    for (const path of ['/livez', '/readyz', '/ping']) {
      expect((await fetch(new URL(path, gateway.url))).status).toBe(200);
      expect((await fetch(gateway.url + path)).status).toBe(200);
    }
  });
});
