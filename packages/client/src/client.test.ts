import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import type { ErrorCode, FacequeueError } from '@facequeue/schema/errors';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createClient } from './client.ts';
import {
  type Answer,
  disconnect,
  json,
  plain,
  problem,
  RETRY_NOW,
  type ScriptedServer,
  startScriptedServer,
} from './testing/scripted-server.ts';

const RESULT = { Faces: [], FaceModelVersion: '1.0.0' };
const JOB_ID = '01930000-0000-7000-8000-000000000000';

let service: ScriptedServer;
let baseUrl: string;

beforeEach(async () => {
  service = await startScriptedServer();
  ({ baseUrl } = service);
});
afterEach(() => service.kill());

/** Breaks the connection in the middle of an answer. */
const broken =
  (status: number): Answer =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': 100 });
    response.write('{"half":', () => response.destroy());
  };

const failureOf = (call: Promise<unknown>): Promise<FacequeueError> =>
  call.then(
    () => expect.fail('it succeeded'),
    (error) => error,
  );

describe('detect', () => {
  it.each([
    ['a URL', { url: 'https://example.org/a.jpg' }, '{"url":"https://example.org/a.jpg"}', 'application/json'],
    ['base64', { base64: 'YWJj' }, '{"img":"YWJj"}', 'application/json'],
    ['bytes', { bytes: Uint8Array.of(255, 0, 1) }, Buffer.from([255, 0, 1]), 'application/octet-stream'],
    [
      'a part of a buffer',
      { bytes: Uint8Array.of(9, 1, 2, 9).subarray(1, 3) },
      Buffer.from([1, 2]),
      'application/octet-stream',
    ],
    ['an ArrayBuffer', { bytes: Uint8Array.of(3, 4).buffer }, Buffer.from([3, 4]), 'application/octet-stream'],
    ['a Blob', { bytes: new Blob(['abc'], { type: 'image/png' }) }, Buffer.from('abc'), 'application/octet-stream'],
  ])('sends %s', async (_, image, body, type) => {
    service.answers = [json(RESULT, { 'x-job-id': JOB_ID })];
    expect(await createClient({ baseUrl }).detect(image)).toEqual({ ...RESULT, jobId: JOB_ID, facesLeftOut: 0 });
    expect(service.seen).toMatchObject([{ method: 'POST', url: '/face_detection', headers: { 'content-type': type } }]);
    expect(service.seen[0]!.body.equals(Buffer.from(body))).toBe(true);
  });

  it('says how many faces were left out', async () => {
    service.answers = [json(RESULT, { 'x-faces-left-out': '1304' })];
    const image = { bytes: Uint8Array.of(1) };
    expect(await createClient({ baseUrl }).detect(image)).toMatchObject({ facesLeftOut: 1304 });
  });

  it('sends only the given options', async () => {
    service.answers = [json(RESULT)];
    const client = createClient({ baseUrl });
    await client.detect(
      { url: 'https://example.org/a.jpg' },
      {
        profile: 'small-faces',
        max_faces: 3,
        min_confidence: 0.5,
        landmarks: false,
        min_face_size: undefined,
        priority: 'bulk',
      },
    );
    expect(service.seen[0]!.url).toBe(
      '/face_detection?profile=small-faces&max_faces=3&min_confidence=0.5&landmarks=false&priority=bulk',
    );
  });
});

describe('the other calls', () => {
  it('read jobs, the system and readiness', async () => {
    const client = createClient({ baseUrl });
    service.answers = [
      json({ id: JOB_ID, status: 'succeeded' }),
      json({ version: '0.1.0' }),
      json({ status: 'ready', workers: 2 }),
    ];
    expect(await client.job(JOB_ID)).toEqual({ id: JOB_ID, status: 'succeeded' });
    expect(await client.system()).toEqual({ version: '0.1.0' });
    expect(await client.ready()).toEqual({ status: 'ready', workers: 2 });
    await client.job('a/../b?c');
    expect(service.seen.map(({ method, url }) => `${method} ${url}`)).toEqual([
      `GET /jobs/${JOB_ID}`,
      'GET /system',
      'GET /readyz',
      'GET /jobs/a%2F..%2Fb%3Fc',
    ]);
  });

  it('go to a service under a base path, with the API key', async () => {
    service.answers = [json({ version: '0.1.0' })];
    await createClient({ baseUrl: `${baseUrl}/prod/`, apiKey: 'secret' }).system();
    await createClient({ baseUrl }).system();
    expect(service.seen.map(({ url, headers }) => [url, headers['x-api-key']])).toEqual([
      ['/prod/system', 'secret'],
      ['/system', undefined],
    ]);
  });

  it('can use another fetch', async () => {
    const other = vi.fn(async () => Response.json({ version: 'other' }));
    expect(await createClient({ baseUrl: '/prod', fetch: other }).system()).toEqual({ version: 'other' });
    expect(other).toHaveBeenCalledWith('/prod/system', expect.objectContaining({ method: 'GET' }));
  });
});

describe('an error', () => {
  it('has the code, job and Retry-After of the answer', async () => {
    const image = { base64: 'YWJj' };
    const client = createClient({ baseUrl });
    service.answers = [problem('image_undecodable', {}, JOB_ID)];
    expect(await failureOf(client.detect(image))).toMatchObject({
      name: 'FacequeueError',
      code: 'image_undecodable',
      message: 'why image_undecodable',
      jobId: JOB_ID,
      entry: { status: 422, retryable: false },
    });
    service.answers = [problem('wait_timeout', { 'x-job-id': JOB_ID })];
    expect(await failureOf(client.detect(image))).toMatchObject({ code: 'wait_timeout', jobId: JOB_ID });
    service.answers = [problem('queue_full', { 'retry-after': '42' })];
    expect(await failureOf(client.detect(image))).toMatchObject({ code: 'queue_full', retryAfterMs: 42_000 });
    service.answers = [problem('queue_full', { 'retry-after': new Date(Date.now() + 3600_000).toUTCString() })];
    expect((await failureOf(client.detect(image))).retryAfterMs).toBeGreaterThan(3_590_000);
  });

  it.each(['5 s', 'in 5', '-5', '5.5', '', 'soon'])('has no Retry-After when the answer’s is %j', async (value) => {
    service.answers = [problem('queue_full', { 'retry-after': value })];
    const failure = await failureOf(createClient({ baseUrl, retries: 0 }).detect({ base64: 'YWJj' }));
    expect(failure).toMatchObject({ code: 'queue_full', retryAfterMs: undefined });
  });

  it.each([
    [400, 'invalid param', 'invalid_request', 'invalid param'],
    [401, ' no key ', 'unauthorized', 'no key'],
    [403, '<html>no</html>', 'forbidden', '<html>no</html>'],
    [404, ' \n', 'not_found', 'the answer was 404'],
    [405, 'x', 'method_not_allowed', 'x'],
    [408, 'x', 'request_timeout', 'x'],
    [413, '', 'body_too_large', 'the answer was 413'],
    [415, 'x', 'unsupported_media_type', 'x'],
    [418, '{"code":"teapot"}', 'invalid_request', '{"code":"teapot"}'],
    [429, '{"code":"toString"}', 'quota_exceeded', '{"code":"toString"}'],
    [431, 'x', 'headers_too_large', 'x'],
    [499, '[]', 'invalid_request', '[]'],
    [500, 'null', 'internal_error', 'null'],
    [502, 'x'.repeat(1000), 'unavailable', 'x'.repeat(200)],
    [503, 'x'.repeat(200), 'unavailable', 'x'.repeat(200)],
    [504, 'x', 'unavailable', 'x'],
    [599, 'x', 'internal_error', 'x'],
  ])('is derived from a status %i without a problem body', async (status, text, code, message) => {
    service.answers = [plain(status, text)];
    expect(await failureOf(createClient({ baseUrl }).detect({ base64: 'YWJj' }))).toMatchObject({ code, message });
  });

  it('reports an answer that is not Facequeue’s', async () => {
    service.answers = [plain(200, '<html>')];
    expect(await failureOf(createClient({ baseUrl }).system())).toMatchObject({
      code: 'internal_error',
      cause: expect.any(SyntaxError),
    });
  });

  it('names the target of a redirect, which is not followed', async () => {
    service.answers = [plain(301, '', { location: 'https://faces.example.org/' })];
    const failure = await failureOf(createClient({ baseUrl, apiKey: 'secret' }).detect({ base64: 'YWJj' }));
    expect(failure).toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining('https://faces.example.org/'),
    });
    expect(service.seen).toHaveLength(1);
  });

  it.each([300, 303, 307, 308, 399])('reports status %i as a redirect, with or without its target', async (status) => {
    service.answers = [plain(status, '')];
    expect(await failureOf(createClient({ baseUrl }).system())).toMatchObject({
      code: 'invalid_request',
      message: 'baseUrl redirects; use the target of the redirect',
    });
    expect(service.seen).toHaveLength(1);
  });

  it('reports a redirect in a browser, which hides its status and target', async () => {
    const hidden = Object.defineProperties(new Response(null, { status: 200 }), {
      type: { value: 'opaqueredirect' },
      status: { value: 0 },
      ok: { value: false },
    });
    expect(await failureOf(createClient({ baseUrl, fetch: async () => hidden }).system())).toMatchObject({
      code: 'invalid_request',
      message: 'baseUrl redirects; use the target of the redirect',
    });
  });

  it('reports an answer that breaks off, whatever its status', async () => {
    for (const status of [200, 422, 500]) {
      service.answers = [broken(status)];
      expect(await failureOf(createClient({ baseUrl, retries: 0 }).system())).toMatchObject({
        code: 'unavailable',
        message: 'the service cannot be reached',
        cause: expect.any(Error),
      });
    }
  });

  it('reports a service that does not answer', async () => {
    const client = createClient({ baseUrl, retries: 0 });
    service.answers = [disconnect];
    expect(await failureOf(client.system())).toMatchObject({ code: 'unavailable' });
    expect(await failureOf(createClient({ baseUrl: 'http://127.0.0.1:1' }).ready())).toMatchObject({
      code: 'unavailable',
    });
  });
});

describe('an option that is NaN', () => {
  const client = createClient({ baseUrl: 'http://127.0.0.1:1' });
  it.each<[name: string, call: () => Promise<unknown>]>([
    ['retries', async () => createClient({ baseUrl: 'http://127.0.0.1:1', retries: Number.NaN })],
    ['timeoutMs', () => client.wait('a', { timeoutMs: Number.NaN })],
    ['waitMs', () => client.job('a', { waitMs: Number.NaN })],
    ['waitMs', () => client.submit({ url: 'https://example.org/a.jpg' }, {}, { waitMs: Number.NaN })],
  ])('%s is refused without a request', async (name, call) => {
    await expect(call()).rejects.toMatchObject({
      code: 'invalid_request',
      message: `${name} must be a number, not NaN`,
    });
  });
});

describe('a retry', () => {
  const image = { base64: 'YWJj' };

  it('repeats a read whose answer broke off, but no image without a key: it may have been accepted', async () => {
    for (const status of [200, 503]) {
      service.seen = [];
      service.answers = [broken(status), json({ version: '0.1.0' })];
      expect(await createClient({ baseUrl }).system()).toEqual({ version: '0.1.0' });
      service.answers = [broken(status), json(RESULT)];
      expect(await failureOf(createClient({ baseUrl }).detect(image))).toMatchObject({ code: 'unavailable' });
      expect(service.seen).toHaveLength(3);
    }
  });

  it('waits as long as the service asks, and not for ever when it asks in the past', async () => {
    const times: number[] = [];
    const at =
      (answer: Answer): Answer =>
      (...of) => {
        times.push(performance.now());
        answer(...of);
      };
    const past = { 'retry-after': new Date(Date.now() - 3600_000).toUTCString() };
    service.answers = [
      at(problem('queue_full', { 'retry-after': '3' })),
      at(problem('queue_full', past)),
      at(json(RESULT)),
    ];
    expect(await createClient({ baseUrl }).detect(image)).toMatchObject(RESULT);
    const [asked, past_] = times.slice(1).map((time, i) => time - times[i]!) as [number, number];
    expect(asked).toBeGreaterThanOrEqual(2990);
    expect(past_).toBeLessThan(2990);
  });

  it.each(['queue_full', 'quota_exceeded'] as const)('submits the same image again after %s', async (code) => {
    service.answers = [problem(code, RETRY_NOW), problem(code, RETRY_NOW), json(RESULT)];
    expect(await createClient({ baseUrl }).detect({ bytes: new Blob(['abc']) })).toMatchObject(RESULT);
    expect(service.seen.map(({ body }) => body.toString())).toEqual(['abc', 'abc', 'abc']);
  });

  it.each<[string, Answer]>([
    ['unavailable', problem('unavailable', RETRY_NOW)],
    ['expired', problem('expired', RETRY_NOW)],
    ['internal_error', problem('internal_error', RETRY_NOW)],
    ['a 503 of a proxy', plain(503, '', RETRY_NOW)],
    ['a 429 of a proxy', plain(429, '', RETRY_NOW)],
    ['a broken connection', disconnect],
  ])('never submits an image again after %s: it may have been accepted', async (_, answer) => {
    service.answers = [answer];
    await failureOf(createClient({ baseUrl }).detect(image));
    expect(service.seen).toHaveLength(1);
  });

  it.each<[string, Answer]>([
    ['unavailable', problem('unavailable', RETRY_NOW)],
    ['quota_exceeded', problem('quota_exceeded', RETRY_NOW)],
    ['a 429 of a proxy', plain(429, '', RETRY_NOW)],
    ['a 502 of a proxy', plain(502, '', RETRY_NOW)],
    ['a 503 of a proxy', plain(503, '', RETRY_NOW)],
  ])('repeats a read after %s', async (_, answer) => {
    service.answers = [answer, answer, json({ version: '0.1.0' })];
    expect(await createClient({ baseUrl }).system()).toEqual({ version: '0.1.0' });
  });

  it('repeats a read after a broken connection', async () => {
    service.answers = [disconnect, json({ version: '0.1.0' })];
    expect(await createClient({ baseUrl }).system()).toEqual({ version: '0.1.0' });
  });

  it.each<ErrorCode>(['gone', 'not_found', 'unauthorized', 'internal_error'])(
    'does not repeat a read after %s',
    async (code) => {
      service.answers = [problem(code, RETRY_NOW)];
      expect(await failureOf(createClient({ baseUrl }).job(JOB_ID))).toMatchObject({ code });
      expect(service.seen).toHaveLength(1);
    },
  );

  it('stops after the configured number of attempts', async () => {
    service.answers = [problem('queue_full', RETRY_NOW)];
    for (const [retries, requests] of [
      [undefined, 3],
      [4, 5],
      [0, 1],
    ] as const) {
      service.seen = [];
      await failureOf(createClient({ baseUrl, ...(retries !== undefined && { retries }) }).detect(image));
      expect(service.seen).toHaveLength(requests);
    }
  });

  it('does not wait for a service that asks for a long pause', async () => {
    service.answers = [problem('queue_full', { 'retry-after': '11' })];
    expect(await failureOf(createClient({ baseUrl }).detect(image))).toMatchObject({ retryAfterMs: 11_000 });
    expect(service.seen).toHaveLength(1);
  });

  it('is not made by ready()', async () => {
    service.answers = [problem('unavailable', RETRY_NOW)];
    expect(await failureOf(createClient({ baseUrl }).ready())).toMatchObject({ message: 'why unavailable' });
    expect(service.seen).toHaveLength(1);
  });
});

describe('a signal', () => {
  const reason = new Error('no longer needed');

  it('ends a call that waits for its answer', async () => {
    const abort = new AbortController();
    const closed = Promise.withResolvers<void>();
    service.answers = [
      (response) => {
        response.on('close', closed.resolve);
        abort.abort(reason);
      },
    ];
    await expect(createClient({ baseUrl }).detect({ base64: 'YWJj' }, {}, { signal: abort.signal })).rejects.toBe(
      reason,
    );
    await closed.promise;
  });

  it('ends a call whose answer stops midway', async () => {
    const abort = new AbortController();
    const closed = Promise.withResolvers<void>();
    for (const status of [200, 503]) {
      service.answers = [
        (response) => {
          response.on('close', closed.resolve);
          response.writeHead(status, { 'content-length': 100 });
          response.write('{"half":', () => setTimeout(() => abort.abort(reason), 50));
        },
      ];
      const call = createClient({ baseUrl }).detect({ base64: 'YWJj' }, {}, { signal: abort.signal });
      await expect(call).rejects.toBe(reason);
    }
    await closed.promise;
  });

  it('ends an upload that the service stops reading', async () => {
    const abort = new AbortController();
    const connected = Promise.withResolvers<void>();
    const closed = Promise.withResolvers<void>();
    const stuck = createServer((socket) => {
      socket.on('error', () => {}).on('close', () => closed.resolve());
      socket.pause();
      connected.resolve();
      abort.signal.addEventListener('abort', () => setTimeout(() => socket.resume(), 100));
    }).listen(0, '127.0.0.1');
    await once(stuck, 'listening');
    try {
      const client = createClient({ baseUrl: `http://127.0.0.1:${(stuck.address() as AddressInfo).port}` });
      const call = client.detect({ bytes: new Uint8Array(20e6) }, {}, { signal: abort.signal });
      void connected.promise.then(() => abort.abort(reason));
      await expect(call).rejects.toBe(reason);
      await closed.promise;
    } finally {
      stuck.close();
    }
  });

  it('ends a pause between attempts', async () => {
    const abort = new AbortController();
    service.answers = [
      (response, request) => {
        response.on('close', () => setImmediate(() => abort.abort(reason)));
        problem('queue_full', { 'retry-after': '9' })(response, request);
      },
    ];
    await expect(createClient({ baseUrl }).detect({ base64: 'YWJj' }, {}, { signal: abort.signal })).rejects.toBe(
      reason,
    );
    expect(service.seen).toHaveLength(1);
  });

  it('that is already aborted sends nothing', async () => {
    await expect(createClient({ baseUrl }).system({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(service.seen).toHaveLength(0);
  });
});
