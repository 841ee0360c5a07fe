import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { Readable } from 'node:stream';
import type { Problem } from '@facequeue/schema';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { corrupt, oversized, textNamedJpg, truncated } from '../support/fixtures/index.ts';
import { type Service, startService } from '../support/processes/service.ts';
import { startFileServer } from '../support/servers/file-server.ts';

const astronaut = readFileSync(new URL('../images/astronaut.png', import.meta.url));
let service: Service;
let files: Awaited<ReturnType<typeof startFileServer>>;

beforeAll(async () => {
  files = await startFileServer(new Map([['/large', new Uint8Array(30e6)]]));
  service = await startService({
    SOURCE_ALLOW: files.host,
    ENGINES: '1',
    MAX_IMAGE_SIDE: '5000',
    MAX_IMAGE_PIXELS: '20mp',
  });
});

afterAll(async () => {
  await service?.stop();
  await files?.close();
});

// After every bad input, the service answers the next request.
afterEach(async () => {
  const response = await post(astronaut);
  expect(response.status).toBe(200);
  expect(((await response.json()) as { Faces: unknown[] }).Faces).toHaveLength(1);
});

function post(body: string | Uint8Array, type = 'application/octet-stream') {
  return fetch(`${service.url}/face_detection`, {
    method: 'POST',
    headers: type ? { 'content-type': type } : {},
    body: body as string,
  });
}

const json = (body: unknown) => post(JSON.stringify(body), 'application/json');

async function expectProblem(response: Response, status: number, code: string, detail: RegExp) {
  const problem = (await response.json()) as Problem;
  expect(problem, JSON.stringify(problem)).toMatchObject({ status, code });
  expect(response.status).toBe(status);
  expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  expect(problem.detail).toMatch(detail);
  // The answer has no internals: no path of this machine, no stack trace.
  expect(JSON.stringify(problem)).not.toMatch(/\/work|node_modules|\.ts\b|\bat \w+ \(/);
}

describe('a bad image', () => {
  it('over MAX_IMAGE_SIDE or MAX_IMAGE_PIXELS is too large, and the answer names the limit', async () => {
    await expectProblem(await post(await oversized('png', 5001)), 422, 'image_too_large', /5001 x 16 .* 5000 px/);
    const pixels = await oversized('png', 5000, 4001);
    await expectProblem(await post(pixels), 422, 'image_too_large', /5000 x 4001 .* 20000000 pixels/);
    expect((await post(await oversized('png', 5000, 4000))).status).toBe(200);
  });

  it('that is a text file named .jpg is refused, whatever its content type', async () => {
    await expectProblem(await post(textNamedJpg(), 'image/jpeg'), 415, 'unsupported_media_type', /JPEG/i);
  });

  it('that is half a JPEG is undecodable', async () => {
    await expectProblem(await post(await truncated()), 422, 'image_undecodable', /jpeg/i);
  });

  it('whose data is corrupt is undecodable', async () => {
    await expectProblem(await post(await corrupt()), 422, 'image_undecodable', /png/i);
  });

  it('of no bytes is refused as missing', async () => {
    await expectProblem(await post(new Uint8Array(0)), 400, 'invalid_request', /empty|no image/i);
  });

  it('of 200 MB is refused during the upload, with and without a declared length', async () => {
    const chunk = new Uint8Array(1 << 20);
    for (const length of [200e6, undefined]) {
      const { status, body } = await new Promise<{ status: number; body: string }>((resolve, reject) => {
        const call = request(`${service.url}/face_detection`, {
          method: 'POST',
          headers: { 'content-type': 'application/octet-stream', ...(length ? { 'content-length': length } : {}) },
        });
        call.on('response', async (response) => {
          let body = '';
          for await (const part of response) body += part;
          resolve({ status: response.statusCode!, body });
          call.destroy();
        });
        call.on('error', reject);
        Readable.from(
          (function* () {
            for (let sent = 0; sent < 200e6; sent += chunk.length)
              yield chunk.subarray(0, Math.min(chunk.length, 200e6 - sent));
          })(),
        ).pipe(call);
      });
      expect(status).toBe(413);
      expect(JSON.parse(body)).toMatchObject({ code: 'body_too_large' });
    }
  });
});

describe('a bad request', () => {
  it.each<[string, unknown, string, RegExp]>([
    ['both url and img', { url: 'https://example.org/a.jpg', img: 'AAAA' }, 'invalid_request', /url.*img|img.*url/],
    ['neither url nor img', {}, 'invalid_request', /url.*img|img.*url/],
    ['an unknown member', { img: 'AAAA', colour: 'red' }, 'invalid_request', /colour/],
    ['bad base64', { img: 'this is not base64!' }, 'invalid_base64', /base64/],
    ['a url of another scheme', { url: 'file:///etc/passwd' }, 'invalid_request', /http/],
  ])('with %s is refused', async (_, body, code, detail) => {
    await expectProblem(await json(body), 400, code, detail);
  });

  it('with a body that is not JSON is refused', async () => {
    await expectProblem(await post('{"img":', 'application/json'), 400, 'invalid_request', /JSON/);
  });

  it('with an unknown query option is refused, and named', async () => {
    const response = await fetch(`${service.url}/face_detection?colour=red`, { method: 'POST', body: astronaut });
    await expectProblem(response, 400, 'invalid_request', /colour/);
  });
});

describe('a url', () => {
  it('that answers 404 is unreachable', async () => {
    await expectProblem(await json({ url: files.url('/missing.jpg') }), 422, 'source_unreachable', /404/);
  });

  it('that serves more than the limit is too large', async () => {
    await expectProblem(await json({ url: files.url('/large') }), 413, 'body_too_large', /20/);
  });

  it.each([
    'http://127.0.0.1:1/a.jpg',
    'http://2130706433/a.jpg',
    'http://[::ffff:7f00:1]/a.jpg',
    'http://169.254.169.254/latest/meta-data/',
    'http://10.1.2.3/a.jpg',
    's3://somebody-elses-bucket/a.jpg',
  ])('to %s is forbidden', async (url) => {
    await expectProblem(await json({ url }), 422, 'source_forbidden', /SOURCE_ALLOW|S3_SOURCE_PREFIXES/);
  });
});
