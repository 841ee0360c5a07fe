/** Batches that are listed from a bucket and written to one: real processes, a real S3 server, and workers that are killed. */
import { BatchEvent, type BatchResource, type ItemLine, type Problem } from '@facequeue/schema';
import { encodeResult, roundedFace } from '@facequeue/schema/result-codec';
import sharp from 'sharp';
import { Webhook } from 'standardwebhooks';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startReceiver } from '../../apps/worker/src/webhooks/testing/receiver.ts';
import { photographBytes } from '../support/fixtures/index.ts';
import { CANNED_OUTCOME, startCannedWorker } from '../support/gateway/index.ts';
import { type GatewayProcess, type Installation, startInstallation } from '../support/processes/installation.ts';
import { startS3, type TestS3 } from '../support/servers/s3-server.ts';

const SECRET = `whsec_${Buffer.alloc(32, 's').toString('base64')}`;

let s3: TestS3;
let installation: Installation;
let gateway: GatewayProcess;
let thumbnail: Buffer;
let portrait: Buffer;

beforeAll(async () => {
  thumbnail = await sharp(await photographBytes('no-face-cat.png'))
    .resize(48)
    .jpeg()
    .toBuffer();
  portrait = await photographBytes('portrait-1.jpg');
});
beforeEach(async () => {
  s3 = await startS3();
  for (const bucket of ['photos', 'results']) await s3.createBucket(bucket);
  installation = await startInstallation({
    ...s3.env,
    S3_SOURCE_PREFIXES: 'photos/day,nobucket',
    S3_OUTPUT_PREFIXES: 'results/runs',
    SOURCE_ALLOW: '127.0.0.1',
    WEBHOOK_SECRETS: SECRET,
  });
  gateway = await installation.gateway();
});
afterEach(async () => {
  await installation?.[Symbol.asyncDispose]();
  await s3?.[Symbol.asyncDispose]();
});

async function call<T>(path: string, status: number, json?: object): Promise<T> {
  const response = await fetch(gateway.url + path, {
    ...(json && { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(json) }),
  });
  const text = await response.text();
  expect(response.status, text).toBe(status);
  return JSON.parse(text) as T;
}

const create = (body: object) => call<BatchResource>('/batches', 202, body);

/** The batch once it has ended. */
async function ended({ links }: BatchResource): Promise<BatchResource> {
  await expect
    .poll(async () => (await call<BatchResource>(links.self, 200)).finished_at, { timeout: 50_000, interval: 50 })
    .not.toBeNull();
  return call<BatchResource>(links.self, 200);
}

/** The whole answer of `GET results`. */
const results = async ({ links }: BatchResource) => (await fetch(gateway.url + links.results)).text();
const linesOf = (text: string) =>
  text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as ItemLine);

const key = (i: number) => `day/${String(i).padStart(4, '0')}.jpg`;
const urlsOf = (count: number) => Array.from({ length: count }, (_, i) => `s3://photos/${key(i)}`);

/** Puts `count` thumbnails under keys that are listed in numerical order. */
async function fill(count: number) {
  for (let from = 0; from < count; from += 50)
    await Promise.all(
      Array.from({ length: Math.min(50, count - from) }, (_, i) => s3.put('photos', key(from + i), thumbnail)),
    );
}

const listing = { s3: { prefix: 's3://photos/day/' }, options: { profile: 'fast' } };
const asked = (operation: TestS3['requests'][number]['operation']) =>
  s3.requests.filter((one) => one.operation === operation);
const untilRequested = (operation: TestS3['requests'][number]['operation'], count: number) =>
  expect.poll(() => asked(operation).length, { timeout: 30_000, interval: 5 }).toBeGreaterThanOrEqual(count);

describe('a bucket', () => {
  it('is listed, and the results are written beside it and reported by webhook', async () => {
    await using receiver = await startReceiver();
    await fill(300);
    await s3.put('photos', 'day/0300.JPG', portrait);
    await s3.put('photos', 'day/broken.png', 'no image');
    await s3.put('photos', 'day/notes.txt', 'not looked at');
    await installation.worker();
    const output = 's3://results/runs/day.ndjson';
    const batch = await ended(await create({ ...listing, output, webhook_url: receiver.url }));
    expect(batch).toMatchObject({
      status: 'finished',
      counts: { total: 302, succeeded: 301, failed: 1 },
      listing: { url: 's3://photos/day/', status: 'done', error: null },
      output: { url: output, overwrite: false, status: 'done', error: null },
    });
    expect(asked('list')).toHaveLength(2);

    const text = await results(batch);
    const lines = linesOf(text);
    const found = [...urlsOf(300), 's3://photos/day/0300.JPG', 's3://photos/day/broken.png'];
    expect(lines.map(({ id }) => id).sort()).toEqual(found);
    expect(lines.find(({ id }) => id.endsWith('.JPG'))!.result!.Faces).toHaveLength(1);
    expect(lines.find(({ id }) => id.endsWith('.png'))).toMatchObject({
      status: 'failed',
      error: { code: 'unsupported_media_type' },
    });
    expect(await s3.text('results', 'runs/day.ndjson')).toBe(text);

    await receiver.got(1);
    const [{ body, headers }] = receiver.messages as [(typeof receiver.messages)[number]];
    const event = BatchEvent.parse(new Webhook(SECRET).verify(body, headers));
    const { webhook, ...resource } = await call<BatchResource>(batch.links.self, 200);
    expect(webhook?.url).toBe(receiver.url);
    expect(event).toEqual({ type: 'batch.finished', timestamp: batch.finished_at, data: resource });
  });

  it.each([
    ['that does not exist', 's3://nobucket/day/', undefined, 'source_unreachable'],
    ['that may not be listed', 's3://photos/day/', [403, 'AccessDenied'], 'source_forbidden'],
  ] as const)('%s is reported by the batch', async (_, prefix, refusal, code) => {
    await installation.worker();
    s3.interfere(() => refusal);
    const batch = await ended(await create({ s3: { prefix } }));
    expect(batch).toMatchObject({
      status: 'finished',
      counts: { total: 0 },
      listing: { status: 'failed', error: { code, status: 422 } },
    });
  });

  it.each([
    [{ s3: { prefix: 's3://photos/night/' } }, 'S3_SOURCE_PREFIXES'],
    [{ ...listing, output: 's3://results/else/out.ndjson' }, 'S3_OUTPUT_PREFIXES'],
    [{ ...listing, output: 's3://photos/day/out.ndjson' }, 'S3_OUTPUT_PREFIXES'],
  ])('that is not allowed is refused at once: %j', async (body, variable) => {
    const problem = await call<Problem>('/batches', 422, body);
    expect(problem).toMatchObject({ code: 'source_forbidden', detail: expect.stringContaining(variable) });
    expect(s3.requests).toEqual([]);
  });

  it('keeps an existing object unless overwrite is set', async () => {
    await installation.worker();
    await s3.put('results', 'runs/out', 'precious');
    const items = [{ id: 'a', img: thumbnail.toString('base64') }];
    const output = 's3://results/runs/out';
    const careful = await ended(await create({ items, output }));
    expect(careful).toMatchObject({
      status: 'finished',
      counts: { succeeded: 1 },
      output: { status: 'failed', error: { code: 'conflict' } },
    });
    expect(await s3.text('results', 'runs/out')).toBe('precious');
    const bold = await ended(await create({ items, output, overwrite: true }));
    expect(bold.output).toMatchObject({ status: 'done', overwrite: true });
    expect(await s3.text('results', 'runs/out')).toBe(await results(bold));
  });
});

describe('a worker killed with SIGKILL', () => {
  it('while it lists is replaced by another worker: every item is listed exactly once', async () => {
    await fill(600);
    const first = await installation.worker();
    const tokens: string[] = [];
    s3.interfere(({ operation, query }) => {
      if (operation !== 'list') return undefined;
      tokens.push(query.get('continuation-token') ?? '');
      return tokens.length === 2 ? 'hang' : undefined;
    });
    const batch = await create(listing);
    await untilRequested('list', 2);
    await first.end('SIGKILL');
    await installation.worker();
    expect((await ended(batch)).counts).toMatchObject({ total: 600, succeeded: 600 });
    expect(
      linesOf(await results(batch))
        .map(({ id }) => id)
        .sort(),
    ).toEqual(urlsOf(600));
    // The interrupted page is listed again, the previous one is not.
    expect(tokens).toHaveLength(4);
    expect(tokens[2]).toBe(tokens[1]);
  });

  it('while it writes is replaced by another worker: the object is complete', async () => {
    // 450 kB a line, so that 50 lines are three parts.
    const face = (i: number) =>
      roundedFace({
        box: { x: i, y: i, width: 40, height: 50 },
        confidence: 0.9,
        points: Array.from({ length: 212 }, (_, k) => 1000 + i + k),
        attributes: { male: 1, age: 40 },
        image: { width: 2000, height: 2000 },
      });
    const Faces = Array.from({ length: 220 }, (_, i) => face(i));
    const result = encodeResult({ Faces, FaceModelVersion: '1.0.0' });
    const canned = await startCannedWorker(
      { redisUrl: installation.redis.url, prefix: installation.prefix },
      () => ({ ...CANNED_OUTCOME, result }) as typeof CANNED_OUTCOME,
    );
    const items = Array.from({ length: 50 }, (_, i) => ({ id: `item-${i}`, img: 'AAAA' }));
    const output = 's3://results/runs/large.ndjson';
    const batch = await create({ items, output });
    const now = () => call<BatchResource>(batch.links.self, 200);
    await expect.poll(async () => (await now()).counts.succeeded, { timeout: 30_000 }).toBe(50);
    expect(await now()).toMatchObject({ finished_at: null, output: { status: 'waiting' } });
    await canned.close();

    let hung = false;
    s3.interfere(({ query }) => {
      if (hung || query.get('partNumber') !== '2') return undefined;
      hung = true;
      return 'hang';
    });
    const first = await installation.worker({ WORKER_QUEUES: 'bulk' });
    await untilRequested('part', 2);
    expect(await now()).toMatchObject({ finished_at: null, output: { status: 'running' } });
    await first.end('SIGKILL');
    await installation.worker({ WORKER_QUEUES: 'bulk' });
    expect((await ended(batch)).output).toMatchObject({ status: 'done', error: null });

    expect(asked('part').map(({ query }) => query.get('partNumber'))).toEqual(['1', '2', '2', '3']);
    expect(s3.uploads.size).toBe(0);
    const text = await results(batch);
    expect((await s3.text('results', 'runs/large.ndjson')) === text).toBe(true);
    expect(new Set(linesOf(text).map(({ id }) => id)).size).toBe(50);
  });
});
