/** What a key may upload. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  keyOf,
  startCannedWorker,
  startTestGateway,
  type TestGateway,
  TestKeysFile,
} from '../../../../test/support/gateway/index.ts';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';

const LIMIT = 1000;
let redis: TestRedis;
let file: TestKeysFile;
let gateway: TestGateway;
beforeAll(async () => {
  redis = await startRedis();
  file = new TestKeysFile(
    { name: 'small', max_image_bytes: LIMIT },
    { name: 'greedy', max_image_bytes: 1e9 },
    { name: 'inline', sources: ['inline'] },
    { name: 'url', sources: ['url'] },
    { name: 's3', sources: ['s3'] },
    { name: 'free' },
  );
  gateway = await startTestGateway(redis.url, {
    API_KEYS_FILE: file.path,
    MAX_IMAGE_BYTES: '2kb',
    S3_SOURCE_PREFIXES: 's3://pictures/',
  });
});
afterAll(async () => {
  await gateway?.close();
  file?.[Symbol.dispose]();
  await redis?.stop();
});

async function post(key: string, path: string, body: Uint8Array<ArrayBuffer> | object | string, type?: string) {
  const raw = body instanceof Uint8Array || typeof body === 'string';
  const response = await fetch(gateway.url + path, {
    method: 'POST',
    headers: {
      'x-api-key': keyOf(key),
      prefer: 'respond-async',
      'content-type': type ?? (raw ? 'image/png' : 'application/json'),
    },
    body: raw ? body : JSON.stringify(body),
  });
  return { status: response.status, body: (await response.json()) as { id: string; code?: string; detail?: string } };
}
const image = (bytes: number) => new Uint8Array(bytes).fill(7);
const img = (bytes: number) => Buffer.from(image(bytes)).toString('base64');
const LINES = 'application/x-ndjson';

/** The failed items of a batch, by the codes of their errors. */
async function failures(key: string, lines: object[]) {
  const { body } = await post(key, '/batches', lines.map((line) => JSON.stringify(line)).join('\n'), LINES);
  await using _ = await startCannedWorker(gateway);
  const results = await fetch(`${gateway.url}/batches/${body.id}/results?follow=true`, {
    headers: { 'x-api-key': keyOf(key) },
  });
  const entries = (await results.text())
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  return entries.sort((a, b) => a.line - b.line).map(({ error }) => error?.code ?? '');
}

describe('the largest image of a key', () => {
  it('is accepted, and one byte more is refused, however it is sent', async () => {
    for (const path of ['/face_detection', '/cameras/gate/frames']) {
      expect((await post('small', path, image(LIMIT))).status).toBe(202);
      expect(await post('small', path, image(LIMIT + 1))).toMatchObject({
        status: 413,
        body: { code: 'body_too_large' },
      });
      expect((await post('free', path, image(LIMIT + 1))).status).toBe(202);
    }
    expect((await post('small', '/face_detection', { img: img(LIMIT) })).status).toBe(202);
    expect((await post('small', '/face_detection', { img: img(LIMIT + 1) })).status).toBe(413);
    expect(await failures('small', [{ img: img(LIMIT) }, { img: img(LIMIT + 1) }])).toEqual(['', 'body_too_large']);
  });

  it('is never larger than that of the service', async () => {
    expect((await post('greedy', '/face_detection', image(2000))).status).toBe(202);
    expect((await post('greedy', '/face_detection', image(2001))).status).toBe(413);
  });

  it('is what a worker is told that fetches it, for a job and for the items of a batch', async () => {
    await using worker = await startCannedWorker(gateway);
    const url = 'https://images.example.org/';
    const jobs = [
      await post('small', '/face_detection', { url: `${url}job` }),
      await post('small', '/batches', { items: [{ url: `${url}item` }] }),
      await post('free', '/face_detection', { url: `${url}free` }),
    ];
    expect(jobs.map(({ status }) => status)).toEqual([202, 202, 202]);
    const limits = () =>
      Object.fromEntries(
        worker.seen.map(({ job }) => [job.source.kind === 'url' ? job.source.url : '', job.maxImageBytes]),
      );
    await expect
      .poll(limits, { timeout: 10_000 })
      .toMatchObject({ [`${url}job`]: LIMIT, [`${url}item`]: LIMIT, [`${url}free`]: null });
  });
});

describe('where the images of a key may come from', () => {
  const CALLS = {
    inline: { img: img(5) },
    url: { url: 'https://images.example.org/a' },
    s3: { url: 's3://pictures/a.png' },
  };
  const KINDS = ['inline', 'url', 's3'] as const;

  it.each(KINDS)('a key for %s alone is refused the others, in calls', async (own) => {
    for (const kind of KINDS) {
      const { status, body } = await post(own, '/face_detection', CALLS[kind]);
      expect([kind, status, body.code]).toEqual(
        kind === own ? [kind, 202, undefined] : [kind, 422, 'source_forbidden'],
      );
      expect((await post('free', '/face_detection', CALLS[kind])).status).toBe(202);
    }
    const raw = await post(own, '/face_detection', image(5));
    const frame = await post(own, '/cameras/gate/frames', image(5));
    expect([raw.status, frame.status]).toEqual(own === 'inline' ? [202, 202] : [422, 422]);
    const listing = await post(own, '/batches', { s3: { prefix: 's3://pictures/' } });
    expect(listing.status).toBe(own === 's3' ? 202 : 422);
  });

  it.each(KINDS)('an item from elsewhere fails alone, for a key for %s', async (own) => {
    const codes = await failures(
      own,
      KINDS.map((kind) => CALLS[kind]),
    );
    expect(codes).toEqual(KINDS.map((kind) => (kind === own ? '' : 'source_forbidden')));
  });
});
