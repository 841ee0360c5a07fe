import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { ClaimedJob, Outcome } from '@facequeue/queue';
import { AppendReport, BatchResource, type ItemLine } from '@facequeue/schema';
import { openApiDocument } from '@facequeue/schema/openapi';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { openRaw } from '../../../../test/support/clients/raw-http.ts';
import {
  CANNED_OUTCOME,
  type CannedWorker,
  startCannedWorker,
  startTestGateway,
  type TestGateway,
} from '../../../../test/support/gateway/index.ts';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { allResults, get, inline, lines, post } from './testing/client.ts';

let redis: TestRedis;
let gateway: TestGateway;
let worker: CannedWorker;
let answer: (job: ClaimedJob) => Outcome | Promise<Outcome> = () => CANNED_OUTCOME;

const S3 = { S3_SOURCE_PREFIXES: 'photos/2024', S3_OUTPUT_PREFIXES: 'runs' };

beforeAll(async () => {
  redis = await startRedis();
  gateway = await startTestGateway(redis.url, S3);
  worker = await startCannedWorker(gateway, (job) => answer(job));
});

afterAll(async () => {
  await worker?.close();
  await gateway?.close();
  await redis?.stop();
});

const at = (path: string) => `${gateway.url}${path}`;
const byName = (items: ItemLine[]) => Object.fromEntries(items.map((item) => [item.id, item]));
/** Bytes of the inline jobs that the worker got, as text. */
const seen = () => worker.seen.map(({ bytes }) => String(bytes));

describe('POST /batches', () => {
  it('accepts items as JSON and answers with the batch', async () => {
    const { status, headers, body } = await post(at('/batches'), {
      items: [inline('json 1', 'a'), inline('json 2'), { id: 'c', url: 'https://example.org/c.jpg' }],
      options: { profile: 'fast', max_faces: 3 },
    });
    expect(status).toBe(202);
    expect(BatchResource.strict().parse(body)).toEqual(body);
    expect(headers.get('location')).toBe(`/batches/${body.id}`);
    expect(body.counts.total).toBe(3);
    const items = byName(await allResults(gateway, body.id));
    expect(Object.keys(items).sort()).toEqual(['#2', 'a', 'c']);
    expect(items['a']).toMatchObject({ line: 1, status: 'succeeded', result: { Faces: [{ gender: 'female' }] } });
    expect(items['c']).toMatchObject({ line: 3, status: 'succeeded' });
    const jobs = worker.seen.filter(({ job }) => job.options.max_faces === 3).map(({ job }) => job);
    expect(jobs.map((job) => job.options.profile)).toEqual(['fast', 'fast', 'fast']);
    expect(jobs.find((job) => job.source.kind === 'url')?.source).toMatchObject({ url: 'https://example.org/c.jpg' });
    expect((await get(at(`/batches/${body.id}`))).body).toMatchObject({
      status: 'finished',
      counts: { total: 3, succeeded: 3, queued: 0 },
    });
  });

  it('accepts items as NDJSON, with options in the query', async () => {
    const body = `\ufeff${lines([inline('line 1', 'a')])}\r\n  \r\n{"id":"d","img":"${Buffer.from('line 4').toString('base64')}"}`;
    const made = await post(at('/batches?profile=small-faces&landmarks=false'), body);
    expect(made.status).toBe(202);
    const items = byName(await allResults(gateway, made.body.id));
    expect(
      Object.values(items)
        .map(({ id, line, status }) => [id, line, status])
        .sort(),
    ).toEqual([
      ['a', 1, 'succeeded'],
      ['d', 4, 'succeeded'],
    ]);
    const job = worker.seen.find(({ bytes }) => String(bytes) === 'line 4')?.job;
    expect(job?.options).toMatchObject({ profile: 'small-faces', landmarks: false, attributes: true });
  });

  it('joins the options of query and body, and refuses one that both give', async () => {
    const body = { items: [inline('joined')], options: { max_faces: 4, min_face_size: 30 } };
    const made = await post(at('/batches?profile=fast&attributes=false'), body);
    expect(made.status).toBe(202);
    await allResults(gateway, made.body.id);
    const job = worker.seen.find(({ bytes }) => String(bytes) === 'joined')?.job;
    expect(job?.options).toMatchObject({ profile: 'fast', attributes: false, max_faces: 4, min_face_size: 30 });
    const twice = await post(at('/batches?max_faces=5'), body);
    expect(twice).toMatchObject({
      status: 400,
      body: { code: 'invalid_request', detail: expect.stringContaining('max_faces') },
    });
  });

  it('turns each bad item into a failed item with its line number, and runs the rest', async () => {
    const made = await startTestGateway(redis.url, { MAX_IMAGE_BYTES: '1mb' });
    await using small = made;
    await using smallWorker = await startCannedWorker(small, (job) => {
      if (job.source.kind === 'inline') return CANNED_OUTCOME;
      return { status: 'failed', error: { code: 'unsupported_media_type', detail: 'none of the formats' } };
    });
    const big = Buffer.alloc(1_000_001, 'x').toString('base64');
    const body = [
      JSON.stringify(inline('good 1', 'good-1')),
      '{"id":"no-json","img":',
      '[1,2]',
      JSON.stringify({ id: 'none' }),
      JSON.stringify({ id: 'both', img: 'AAAA', url: 'https://example.org/' }),
      JSON.stringify({ id: 'base64', img: '***' }),
      JSON.stringify({ id: 'unknown', img: 'AAAA', colour: 'red' }),
      JSON.stringify({ id: '#7', img: 'AAAA' }),
      JSON.stringify({ id: 'scheme', url: 'ftp://example.org/a.jpg' }),
      JSON.stringify({ id: 'type', url: 'https://example.org/a.txt' }),
      JSON.stringify(inline('again', 'good-1')),
      JSON.stringify({ id: 'large', img: big }),
      `{"id":"very-large","img":"${'A'.repeat(50e6)}"}`,
      `{"img":"${'A'.repeat(2e6)}","id":"behind"}`,
      JSON.stringify({ id: 'x'.repeat(60_000), img: 'AAAA' }),
      JSON.stringify(inline('good 2', 'good-2')),
    ].join('\n');
    const { status, body: batch } = await post(`${small.url}/batches`, body);
    expect(status).toBe(202);
    const items = await allResults(small, batch.id);
    expect(
      items.map(({ id, line, error }) => [line, id, error?.code ?? 'fine']).sort((a, b) => +a[0]! - +b[0]!),
    ).toEqual([
      [1, 'good-1', 'fine'],
      [2, 'no-json', 'invalid_request'],
      [3, '#3', 'invalid_request'],
      [4, 'none', 'invalid_request'],
      [5, 'both', 'invalid_request'],
      [6, 'base64', 'invalid_base64'],
      [7, 'unknown', 'invalid_request'],
      [8, '#8', 'invalid_request'],
      [9, 'scheme', 'invalid_request'],
      [10, 'type', 'unsupported_media_type'],
      [11, '#11', 'invalid_request'],
      [12, 'large', 'body_too_large'],
      [13, 'very-large', 'body_too_large'],
      [14, '#14', 'body_too_large'],
      [15, '#15', 'invalid_request'],
      [16, 'good-2', 'fine'],
    ]);
    expect(
      smallWorker.seen
        .map(({ bytes }) => bytes && String(bytes))
        .filter(Boolean)
        .sort(),
    ).toEqual(['good 1', 'good 2']);
    const { body: view } = await get<BatchResource>(`${small.url}/batches/${batch.id}`);
    expect(view.counts).toMatchObject({ total: 16, succeeded: 2, failed: 14 });
  });

  it('refuses requests that are themselves invalid', async () => {
    const refused = async (path: string, body?: unknown, headers = {}) => {
      const { status, body: problem } = await post(at(path), body, headers);
      return `${status} ${problem.code}: ${problem.detail}`;
    };
    expect(await refused('/batches')).toMatch('400 invalid_request: there are no items');
    expect(await refused('/batches', '\n \n')).toMatch('400 invalid_request: there are no items');
    expect(await refused('/batches', { items: [] })).toMatch('400 invalid_request: there are no items');
    expect(await refused('/batches', { items: [], s3: { prefix: 's3://photos/2024/' } })).toMatch(
      '400 invalid_request',
    );
    expect(await refused('/batches?priority=bulk', lines([inline('x')]))).toMatch(
      '400 invalid_request: unknown option',
    );
    expect(await refused('/batches', '{"items":[', { 'content-type': 'application/json' })).toMatch('not valid JSON');
    expect(await refused('/batches', 'a=b', { 'content-type': 'application/x-www-form-urlencoded' })).toMatch(
      "415 unsupported_media_type: Content-Type application/x-www-form-urlencoded is not supported; with curl add -H 'Content-Type: application/x-ndjson'",
    );
    expect(await refused('/batches', lines([inline('x')]), { 'idempotency-key': '"k"' })).toMatch(
      '400 invalid_request: a batch takes no Idempotency-Key',
    );
    expect(await refused('/batches', { items: Array(1001).fill({ url: 'https://example.org/' }) })).toMatch(
      'there are more than 1000 items: send application/x-ndjson',
    );
    expect(await refused('/batches?webhook_url=https://example.org/', lines([inline('x')]))).toMatch(
      '400 invalid_request: webhook_url needs a signing secret',
    );
    expect(await refused('/batches?output=s3://elsewhere/results.ndjson', lines([inline('x')]))).toMatch(
      '422 source_forbidden',
    );
    expect(await refused('/batches', { s3: { prefix: 's3://photos/2023/' } })).toMatch('422 source_forbidden');
  });

  it('accepts a prefix to list and a location to write to, if the settings allow them', async () => {
    const { status, body } = await post(at('/batches'), {
      s3: { prefix: 'S3://photos/2024/', suffixes: ['.jpg'] },
      output: 's3://runs/1/results.ndjson',
      overwrite: true,
    });
    expect(status).toBe(202);
    expect(BatchResource.parse(body)).toMatchObject({
      status: 'running',
      closed_at: null,
      listing: { url: 's3://photos/2024/', suffixes: ['.jpg'], status: 'waiting', error: null },
      output: { url: 's3://runs/1/results.ndjson', overwrite: true, status: 'waiting', error: null },
    });
    expect(await post(at(`/batches/${body.id}/cancel`))).toMatchObject({ status: 200, body: { status: 'canceled' } });
  });

  it('keeps nothing of a batch whose request is cut off', async () => {
    using raw = await openRaw(gateway.port);
    const first = lines(Array.from({ length: 300 }, (_, i) => inline(`cut ${i}`)));
    await raw.send(
      `POST /batches HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\nContent-Length: 1000000\r\n\r\n${first}`,
    );
    // Some of its items have run: the batch existed.
    await expect.poll(() => seen().includes('cut 255'), { timeout: 10_000 }).toBe(true);
    const before = gateway.lines.length;
    raw.socket.destroy();
    const logged = () => gateway.lines.slice(before).find((line) => line['batch_id']);
    await expect.poll(logged, { timeout: 10_000 }).toMatchObject({ route: '/batches', status: 499 });
    const id = logged()!['batch_id'];
    expect((await get(at(`/batches/${id}`))).status).toBe(410);
    await expect.poll(async () => (await gateway.queue.snapshot()).queues.bulk.waiting, { timeout: 10_000 }).toBe(0);
  });

  it('runs items while others are still arriving', async () => {
    const sent = Promise.withResolvers<void>();
    const stream = new ReadableStream({
      async start(controller) {
        controller.enqueue(Buffer.from(lines([inline('early bird')])));
        await sent.promise;
        controller.enqueue(Buffer.from(lines([inline('late bird')])));
        controller.close();
      },
    });
    const posted = post(at('/batches'), stream);
    await expect.poll(seen, { timeout: 10_000 }).toContain('early bird');
    sent.resolve();
    const { body } = await posted;
    expect((await allResults(gateway, body.id)).length).toBe(2);
  });

  it('is touched every 20 s while its client sends slowly', async () => {
    const timers = vi.spyOn(globalThis, 'setInterval');
    const append = vi.spyOn(gateway.queue.batches, 'append');
    using raw = await openRaw(gateway.port);
    const head = 'POST /batches HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n';
    const [first, second] = [lines([inline('slow 1')]), lines([inline('slow 2')])];
    await raw.send(`${head}Content-Length: ${first.length + second.length}\r\n\r\n${first}`);
    await expect.poll(() => append.mock.calls.map(([, , items]) => items.length), { timeout: 10_000 }).toEqual([1]);
    const [sign] = timers.mock.calls.find(([, ms]) => ms === 20_000)!;
    sign();
    expect(append.mock.calls.map(([, , items]) => items.length)).toEqual([1, 0]);
    await raw.send(second);
    expect(await raw.until('}}')).toMatch(/202[\s\S]*"total":2/);
    vi.restoreAllMocks();
  });

  it('refuses a request with too many lines or bytes, and keeps nothing of it', async () => {
    const many = Array.from({ length: 10_001 }, () => '{"url":"https://example.org/a.jpg"}').join('\n');
    const { status, body } = await post(at('/batches'), many);
    expect([status, body.code]).toEqual([413, 'body_too_large']);
    expect(body.detail).toMatch('more than 10000 lines');
    using raw = await openRaw(gateway.port);
    const head = 'POST /batches HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n';
    await raw.send(`${head}Content-Length: ${64 * 1024 * 1024 + 1}\r\n\r\n`);
    expect(await raw.until('}')).toMatch('413');
    await expect.poll(async () => (await gateway.queue.snapshot()).queues.bulk.waiting, { timeout: 10_000 }).toBe(0);
  });

  it('suggests NDJSON for a JSON body that is too large', async () => {
    using raw = await openRaw(gateway.port);
    const head = 'POST /batches HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
    await raw.send(`${head}Content-Length: 30000000\r\n\r\n`);
    expect(await raw.until('}')).toMatch(/413[\s\S]*send application\/x-ndjson, one item a line/);
  });

  it('answers 408 when a client sends nothing for the time it has for a megabyte', async () => {
    await using slow = await startTestGateway(redis.url, { BODY_TIMEOUT: '300ms' });
    using raw = await openRaw(slow.port);
    const head = 'POST /batches HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n';
    await raw.send(`${head}Content-Length: 100000\r\n\r\n${lines([inline('silent')])}`);
    expect(await raw.until('}')).toMatch(/408[\s\S]*request_timeout/);
    await expect.poll(async () => (await slow.queue.snapshot()).queues.bulk.waiting, { timeout: 10_000 }).toBe(0);
  });

  it('answers 503 when the gateway shuts down meanwhile, so that the caller tries another', async () => {
    await using ending = await startTestGateway(redis.url);
    using raw = await openRaw(ending.port);
    const head = 'POST /batches HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n';
    await raw.send(`${head}Content-Length: 100000\r\n\r\n${lines([inline('ending')])}`);
    await expect.poll(async () => (await ending.queue.snapshot()).queues.bulk.waiting, { timeout: 10_000 }).toBe(1);
    const closed = ending.close(1);
    expect(await raw.until('}')).toMatch(/503[\s\S]*unavailable/);
    await closed;
  });
});

it('the answers match the OpenAPI document', async () => {
  const { paths = {} } = openApiDocument();
  const made = await post(at('/batches?open=true'), lines([inline('documented')]));
  const batch = `/batches/${made.body.id}`;
  const check = async (method: string, path: string, body?: string) => {
    const type = { 'content-type': 'application/x-ndjson' };
    const response = await fetch(at(path), { method, ...(body !== undefined && { body, headers: type }) });
    await response.body?.cancel();
    const template = path.replace(/[0-9a-f]{8}-[0-9a-f-]{27}/, '{id}').replace(/\?.*/, '');
    const { responses } = (paths[template] as Record<string, { responses: Record<string, { content?: object }> }>)[
      method.toLowerCase()
    ]!;
    const documented = responses[response.status];
    expect(documented, `${method} ${template} ${response.status}`).toBeDefined();
    const types = Object.keys(documented!.content ?? {});
    const given = response.headers.get('content-type')?.split(';')[0];
    expect(given ? [given] : []).toEqual(types);
    return response.status;
  };
  const statuses = [
    await check('POST', '/batches', lines([inline('documented')])),
    await check('POST', '/batches'),
    await check('GET', batch),
    await check('POST', `${batch}/items`, lines([inline('documented')])),
    await check('GET', `${batch}/results`),
    await check('GET', `${batch}/results?after=x`),
    await check('POST', `${batch}/close`),
    await check('POST', `${batch}/items`, lines([inline('documented')])),
    await check('DELETE', batch),
    await check('GET', batch),
    await check('POST', `${batch}/cancel`),
  ];
  expect(statuses).toEqual([202, 400, 200, 200, 200, 400, 200, 409, 204, 410, 410]);
});

describe('an open batch', () => {
  it('gets no item from an append without a body', async () => {
    const { body: batch } = await post(at('/batches?open=true'));
    expect(await post(at(`/batches/${batch.id}/items`))).toMatchObject({
      status: 200,
      body: { accepted: 0, skipped: 0, failed: 0, batch: { status: 'open', counts: { total: 0 } } },
    });
  });

  it('accepts items until it is closed; a repeated append adds nothing twice', async () => {
    const { status, body: batch } = await post(at('/batches?open=true'));
    expect([status, batch.status, batch.closed_at]).toEqual([202, 'open', null]);
    const items = at(`/batches/${batch.id}/items`);
    const body = lines(Array.from({ length: 600 }, (_, i) => inline(`open ${i}`, `item-${i}`)));
    const first = await post(items, body);
    expect(first.status).toBe(200);
    expect(AppendReport.strict().parse(first.body)).toMatchObject({ accepted: 600, skipped: 0, failed: 0 });
    expect((await post(items, body)).body).toMatchObject({
      accepted: 0,
      skipped: 600,
      batch: { counts: { total: 600 } },
    });
    const json = { items: [inline('open 0', 'item-0'), inline('open 600', 'item-600'), { id: 'bad' }] };
    expect((await post(items, json)).body).toMatchObject({ accepted: 1, skipped: 1, failed: 1 });
    const closed = await post(at(`/batches/${batch.id}/close`));
    expect(closed).toMatchObject({ status: 200, body: { closed_at: expect.any(String) } });
    expect(await post(at(`/batches/${batch.id}/close`))).toMatchObject({ status: 200 });
    expect(await post(items, body)).toMatchObject({ status: 409, body: { code: 'conflict' } });
    const ended = await allResults(gateway, batch.id);
    expect(new Set(ended.map(({ id }) => id)).size).toBe(602);
    expect(ended.length).toBe(602);
    expect(seen().filter((text) => text.startsWith('open ')).length).toBe(601);
  });

  it('keeps what it has accepted of a request that is cut off, and skips that when it is repeated', async () => {
    const { body: batch } = await post(at('/batches'), { open: true });
    const body = lines(Array.from({ length: 300 }, (_, i) => inline(`again ${i}`, `item-${i}`)));
    using raw = await openRaw(gateway.port);
    const head = `POST /batches/${batch.id}/items HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n`;
    // Cut within a line: the rest is not an item.
    await raw.send(`${head}Content-Length: ${body.length}\r\n\r\n${body.slice(0, -20)}`);
    await expect
      .poll(() => seen().filter((text) => text.startsWith('again ')).length, { timeout: 10_000 })
      .toBeGreaterThan(255);
    raw.socket.destroy();
    await once(raw.socket, 'close');
    const { body: report } = await post(at(`/batches/${batch.id}/items`), body);
    expect(report.accepted + report.skipped).toBe(300);
    expect(report.skipped).toBeGreaterThan(255);
    await post(at(`/batches/${batch.id}/close`));
    const ended = await allResults(gateway, batch.id);
    expect([ended.length, new Set(ended.map(({ id }) => id)).size]).toEqual([300, 300]);
    expect(ended.every(({ status }) => status === 'succeeded')).toBe(true);
  });

  it('tells a caller to retry while the queue is full, and finishes after the retry', async () => {
    const prefix = `{full-${randomUUID()}}`;
    await using tight = await startTestGateway(redis.url, { MAX_WAITING_JOBS: '300', QUEUE_PREFIX: prefix });
    const { body: batch } = await post(`${tight.url}/batches?open=true`);
    const body = lines(Array.from({ length: 1000 }, (_, i) => inline(`full ${i}`, `item-${i}`)));
    const items = `${tight.url}/batches/${batch.id}/items`;
    // A fifth of the queue is reserved for interactive calls, an eighth of the rest for other callers.
    const full = await post(items, body);
    expect(full).toMatchObject({ status: 503, body: { code: 'queue_full' } });
    expect(full.body.detail).toMatch('items up to line 210 have been accepted');
    expect(Number(full.headers.get('retry-after'))).toBeGreaterThan(0);
    // A batch without open=true that does not fit leaves nothing.
    expect(await post(`${tight.url}/batches`, body)).toMatchObject({ status: 503, body: { code: 'queue_full' } });
    await expect.poll(async () => (await tight.queue.snapshot()).queues.bulk.waiting, { timeout: 10_000 }).toBe(210);

    await using _ = await startCannedWorker(tight);
    await expect.poll(async () => (await post(items, body)).status, { timeout: 20_000 }).toBe(200);
    await post(`${tight.url}/batches/${batch.id}/close`);
    const ended = await allResults(tight, batch.id);
    expect([ended.length, new Set(ended.map(({ id }) => id)).size]).toEqual([1000, 1000]);
  });

  it('is refused unread while the queue is full', async () => {
    await using tight = await startTestGateway(redis.url, { MAX_WAITING_JOBS: '1' });
    await post(`${tight.url}/batches?open=true`, lines([inline('only one')]));
    await expect.poll(async () => (await tight.queue.snapshot()).full.bulk, { timeout: 10_000 }).not.toBeNull();
    using raw = await openRaw(tight.port);
    const head = 'POST /batches HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n';
    await raw.send(`${head}Content-Length: 5000000\r\nExpect: 100-continue\r\n\r\n`);
    expect(await raw.until('}')).toMatch(/^HTTP\/1.1 503/);
  });
});

describe('a batch', () => {
  it('is canceled: items that have not started end canceled, those that have go on', async () => {
    const begun = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    answer = async () => {
      begun.resolve();
      await go.promise;
      return CANNED_OUTCOME;
    };
    const { body: batch } = await post(at('/batches'), lines(Array.from({ length: 400 }, (_, i) => inline(`c ${i}`))));
    await begun.promise;
    const canceled = await post(at(`/batches/${batch.id}/cancel`));
    expect(canceled).toMatchObject({ status: 200, body: { status: 'canceled' } });
    go.resolve();
    answer = () => CANNED_OUTCOME;
    const ended = await allResults(gateway, batch.id);
    expect(ended.length).toBe(400);
    const queued = ended.filter(({ status }) => status === 'canceled');
    expect(queued.length).toBeGreaterThan(300);
    expect(queued[0]!.error).toMatchObject({ code: 'canceled', status: 409 });
    expect(await post(at(`/batches/${batch.id}/cancel`))).toMatchObject({ status: 200 });
  });

  it('that has finished cannot be canceled', async () => {
    const { body: batch } = await post(at('/batches'), lines([inline('finished')]));
    await allResults(gateway, batch.id);
    expect(await post(at(`/batches/${batch.id}/cancel`))).toMatchObject({ status: 409, body: { code: 'conflict' } });
  });

  it('is erased with its results: its id is gone then, while another id is not found', async () => {
    const { body: batch } = await post(at('/batches'), lines([inline('erased')]));
    await allResults(gateway, batch.id);
    const path = at(`/batches/${batch.id}`);
    for (let again = 0; again < 2; again++) expect((await fetch(path, { method: 'DELETE' })).status).toBe(204);
    expect(await get(path)).toMatchObject({ status: 410, body: { code: 'gone' } });
    expect(await get(`${path}/results`)).toMatchObject({ status: 410 });
    expect(await post(`${path}/items`, lines([inline('x')]))).toMatchObject({ status: 410 });
    expect(await post(`${path}/close`)).toMatchObject({ status: 410 });
    expect(await post(`${path}/cancel`)).toMatchObject({ status: 410 });
    for (const id of ['nonsense', '01000000-0000-7000-8000-000000000000']) {
      expect(await get(at(`/batches/${id}`))).toMatchObject({ status: 404, body: { code: 'not_found' } });
    }
  });

  it('is invisible to other API keys, and its id is in the log', async () => {
    const sha256 = (key: string) => createHash('sha256').update(key).digest('hex');
    const env = { API_KEYS: `anna:${sha256('a')},ben:${sha256('b')}`, BASE_PATH: '/prod' };
    await using guarded = await startTestGateway(redis.url, env);
    await using _ = await startCannedWorker(guarded);
    expect((await post(`${guarded.url}/batches`, lines([inline('x')]))).status).toBe(401);
    const made = await post(`${guarded.url}/batches?open=true`, lines([inline('x')]), { 'x-api-key': 'a' });
    expect(made.headers.get('location')).toBe(`/prod/batches/${made.body.id}`);
    const path = `${guarded.url}/batches/${made.body.id}`;
    const statuses = async (key: string) => {
      const headers = { 'x-api-key': key };
      return [
        (await fetch(path, { headers })).status,
        (await fetch(`${path}/results`, { headers })).status,
        (await post(`${path}/items`, lines([inline('y')]), headers)).status,
        (await post(`${path}/close`, undefined, headers)).status,
        (await fetch(path, { method: 'DELETE', headers })).status,
      ];
    };
    expect(await statuses('b')).toEqual([410, 410, 410, 410, 410]);
    expect(await statuses('a')).toEqual([200, 200, 200, 200, 204]);
    const named = () => guarded.lines.filter((line) => line['batch_id'] === made.body.id);
    await expect
      .poll(() => named().map((line) => `${line['method']} ${line['route']} ${line['key']}`))
      .toContain('POST /batches anna');
  });
});
