import type { Problem } from '@facequeue/schema';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRaw, parseRaw } from '../../../../test/support/clients/raw-http.ts';
import { startTestGateway, type TestGateway } from '../../../../test/support/gateway/index.ts';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis?.stop());

async function post(at: TestGateway, path: string, body: object | Uint8Array<ArrayBuffer> | FormData | string) {
  const raw = body instanceof Uint8Array || body instanceof FormData || typeof body === 'string';
  const type = raw ? (body instanceof Uint8Array ? 'image/png' : 'application/x-ndjson') : 'application/json';
  const response = await fetch(at.url + path, {
    method: 'POST',
    headers: { prefer: 'respond-async', ...(!(body instanceof FormData) && { 'content-type': type }) },
    body: raw ? body : JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as Problem & { id: string } };
}

const IMG = 'YWJj';
const URL_TEXT = 'https://example.com/a.jpg';
const S3_URL = 's3://photos/a.jpg';
const form = (name: string, value: string | Blob) => {
  const data = new FormData();
  data.append(name, value);
  return data;
};
const disabled = (what: string, kind: string) => ({
  status: 422,
  body: {
    code: 'source_forbidden',
    detail: `${what} are disabled here: SOURCES or the sources of the key leave out ${kind}`,
  },
});
const NO_INLINE = disabled('images in the body', 'inline');
const NO_URL = disabled('image URLs', 'url');
const NO_S3 = disabled('s3 URLs', 's3');

describe('SOURCES', () => {
  it('without url refuses image URLs at once, and s3 stays', async () => {
    await using gateway = await startTestGateway(redis.url, { SOURCES: 'inline,s3' });
    for (const path of ['/face_detection', '/invocations'])
      expect(await post(gateway, path, { url: URL_TEXT })).toMatchObject(NO_URL);
    expect(await post(gateway, '/face_detection', form('url', URL_TEXT))).toMatchObject(NO_URL);
    expect(await post(gateway, '/face_detection', { url: S3_URL })).toMatchObject({ status: 202 });
    expect(await post(gateway, '/face_detection', { img: IMG })).toMatchObject({ status: 202 });
  });

  it('without s3 refuses s3 URLs and listings at once', async () => {
    await using gateway = await startTestGateway(redis.url, { SOURCES: 'inline,url', S3_SOURCE_PREFIXES: 'photos' });
    expect(await post(gateway, '/face_detection', { url: S3_URL })).toMatchObject(NO_S3);
    expect(await post(gateway, '/batches', { s3: { prefix: 's3://photos/' } })).toMatchObject(NO_S3);
    expect(await post(gateway, '/face_detection', { url: URL_TEXT })).toMatchObject({ status: 202 });
  });

  it('without inline refuses images in any body', async () => {
    await using gateway = await startTestGateway(redis.url, { SOURCES: 'url' });
    const bytes = Uint8Array.of(1, 2, 3);
    expect(await post(gateway, '/face_detection', { img: IMG })).toMatchObject(NO_INLINE);
    expect(await post(gateway, '/face_detection', bytes)).toMatchObject(NO_INLINE);
    expect(await post(gateway, '/face_detection', form('img', new Blob([bytes])))).toMatchObject(NO_INLINE);
    expect(await post(gateway, '/cameras/gate-1/frames', bytes)).toMatchObject(NO_INLINE);
    expect(await post(gateway, '/face_detection', { url: URL_TEXT })).toMatchObject({ status: 202 });
  });

  it.each(['/face_detection', '/cameras/gate-1/frames'])(
    'without inline refuses a raw image to %s before it is sent',
    async (path) => {
      await using gateway = await startTestGateway(redis.url, { SOURCES: 'url' });
      using raw = await openRaw(gateway.port);
      const headers = 'Host: localhost\r\nContent-Type: image/png\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n';
      await raw.send(`POST ${path} HTTP/1.1\r\n${headers}`);
      const answer = await raw.until('SOURCES');
      expect(answer).not.toContain('100 Continue');
      expect(parseRaw(answer).status).toBe(422);
    },
  );

  it.each(['json', 'ndjson'])(
    'fails the items of a batch (%s) that have another source, and no others',
    async (type) => {
      await using gateway = await startTestGateway(redis.url, { SOURCES: 'url' });
      const items = [
        { id: 'a', url: URL_TEXT },
        { id: 'b', img: IMG },
        { id: 'c', url: S3_URL },
      ];
      const { status, body } = await post(
        gateway,
        '/batches',
        type === 'json' ? { items } : items.map((item) => JSON.stringify(item)).join('\n'),
      );
      expect(status).toBe(202);
      const results = await (await fetch(`${gateway.url}/batches/${body.id}/results`)).text();
      const failed = results
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      expect(failed.map(({ id, error }) => [id, error.code, error.detail])).toEqual([
        ['b', 'source_forbidden', NO_INLINE.body.detail],
        ['c', 'source_forbidden', NO_S3.body.detail],
      ]);
    },
  );

  it('under COMPAT=aws names the parameter as the reference does', async () => {
    await using gateway = await startTestGateway(redis.url, { SOURCES: 'url', COMPAT: 'aws' });
    const textOf = async (body: object) => {
      const response = await fetch(`${gateway.url}/face_detection`, {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
      });
      return [response.status, await response.text()];
    };
    expect(await textOf({ img: IMG })).toEqual([400, '`parameter `img` illegal']);
    expect(await textOf({ url: S3_URL })).toEqual([400, '`parameter `url` illegal']);
  });
});
