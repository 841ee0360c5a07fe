/** After every way in which a request ends, the gateway holds nothing of it. */
import type { ClaimedJob, Outcome } from '@facequeue/queue';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { openRaw } from '../../../../test/support/clients/raw-http.ts';
import {
  CANNED_OUTCOME,
  type CannedWorker,
  startCannedWorker,
  startTestGateway,
  type TestGateway,
} from '../../../../test/support/gateway/index.ts';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { FLUSH_EVERY_MS } from '../batches/batch-appender.ts';
import { NOTHING, type Retained, watchRetained } from './testing/retained.ts';

let retained: ReturnType<typeof watchRetained>;
let redis: TestRedis;
let gateway: TestGateway;
/** Its clients have little time; it has no worker. */
let hasty: TestGateway;
let full: TestGateway;
let worker: CannedWorker;
let answer: (job: ClaimedJob) => Outcome | Promise<Outcome> = () => CANNED_OUTCOME;

beforeAll(async () => {
  // Lines wait for more for a moment first; here they begin at once to wait for as long as the client has.
  retained = watchRetained((ms) => (ms === FLUSH_EVERY_MS ? 1 : ms));
  redis = await startRedis();
  gateway = await startTestGateway(redis.url, { MAX_IMAGE_BYTES: '100000' });
  hasty = await startTestGateway(redis.url, { BODY_TIMEOUT: '200ms', SYNC_WAIT: '200ms' });
  full = await startTestGateway(redis.url, { MAX_WAITING_JOBS: '1' });
  worker = await startCannedWorker(gateway, (job) => answer(job));
});
afterAll(async () => {
  await worker?.close();
  await gateway?.close();
  await hasty?.close();
  await full?.close();
  vi.restoreAllMocks();
  await redis?.stop();
});
afterEach(() => {
  answer = () => CANNED_OUTCOME;
});

const IMAGE = { 'content-type': 'image/png' };
const JSON_TYPE = { 'content-type': 'application/json' };
const LINES = { 'content-type': 'application/x-ndjson' };
const ITEM = '{"img":"YWJj"}\n';
const CHUNKED = 'Transfer-Encoding: chunked';
const STATED = 'Content-Length: 90000';

async function send(method: string, path: string, headers: Record<string, string> = {}, body?: unknown, at = gateway) {
  const response = await fetch(at.url + path, {
    method,
    headers,
    ...(body !== undefined && { body }),
    ...(body instanceof ReadableStream && { duplex: 'half' }),
  } as RequestInit);
  const text = await response.text();
  return { status: response.status, json: () => JSON.parse(text), id: response.headers.get('x-job-id') ?? '' };
}
const status = async (sent: ReturnType<typeof send>) => (await sent).status;
const detect = (headers: Record<string, string> = {}, body: unknown = 'image', at = gateway, query = '') =>
  send('POST', `/face_detection${query}`, { ...IMAGE, ...headers }, body, at);
const inChunks = (bytes: number) =>
  new ReadableStream({
    start(controller) {
      for (let sent = 0; sent < bytes; sent += 50_000) controller.enqueue(Buffer.alloc(Math.min(50_000, bytes - sent)));
      controller.close();
    },
  });

/** Sends part of a request, and disconnects once what is retained of it shows. */
async function leave(
  line: string,
  headers: string[],
  part: string,
  shows: Partial<Retained>,
  at = gateway,
): Promise<'left'> {
  using raw = await openRaw(at.port);
  await raw.send(`${[`${line} HTTP/1.1`, 'Host: localhost', ...headers].join('\r\n')}\r\n\r\n${part}`);
  await expect.poll(() => retained(at), { timeout: 10_000 }).toMatchObject(shows);
  raw.socket.resetAndDestroy();
  return 'left';
}

const openBatch = async (): Promise<string> => (await send('POST', '/batches?open=true')).json().id;
/** A job that no worker gets. */
const queuedJob = async () => (await detect({ prefer: 'respond-async' }, 'image', hasty)).id;
/** Begins a call whose job runs until `act` is done. */
async function whileRunning(call: () => Promise<number>, act: (id: string) => Promise<unknown>): Promise<number> {
  const begun = Promise.withResolvers<string>();
  const ended = Promise.withResolvers<void>();
  answer = async (job) => {
    begun.resolve(job.id);
    await ended.promise;
    return CANNED_OUTCOME;
  };
  const called = call();
  await act(await begun.promise);
  ended.resolve();
  return await called;
}

type Way = [name: string, run: () => Promise<number | 'left'>, result: number | 'left'];

const DETECTION: Way[] = [
  ['answered with the faces', () => status(detect()), 200],
  ['answered with the job', () => status(detect({ prefer: 'respond-async' })), 202],
  ['refused for its type', () => status(detect({ 'content-type': 'text/plain' })), 415],
  ['refused for an option', () => status(detect({}, 'image', gateway, '?colour=red')), 400],
  ['with a body that is not JSON', () => status(detect(JSON_TYPE, '{')), 400],
  ['with a broken form', () => status(detect({ 'content-type': 'multipart/form-data; boundary=x' }, '--x\r\n')), 400],
  ['with bytes beyond the cap, in chunks', () => status(detect({}, inChunks(150_000))), 413],
  ['with bytes beyond the cap, stated', () => status(detect({}, Buffer.alloc(150_000))), 413],
  [
    'whose body does not arrive',
    async () => {
      using raw = await openRaw(hasty.port);
      await raw.send(
        `POST /face_detection HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\n${STATED}\r\n\r\nx`,
      );
      return Number(/^HTTP\/1.1 (\d+)/.exec(await raw.until('}'))?.[1]);
    },
    408,
  ],
  [
    'whose client leaves while it sends',
    () => leave('POST /face_detection', ['Content-Type: image/png', STATED], 'x', { bodies: 1, waits: 1 }),
    'left',
  ],
  [
    'whose client leaves while it sends chunks',
    () => leave('POST /face_detection', ['Content-Type: image/png', CHUNKED], '1\r\nx\r\n', { bodies: 1, waits: 1 }),
    'left',
  ],
  [
    'refused by the queue',
    async () => {
      await detect({ prefer: 'respond-async' }, 'image', full);
      return await status(detect({ 'idempotency-key': 'another' }, 'image', full));
    },
    503,
  ],
  [
    'with an Idempotency-Key of another call',
    async () => {
      await detect({ 'idempotency-key': 'used' });
      return await status(detect({ 'idempotency-key': 'used' }, 'another image'));
    },
    422,
  ],
  [
    'repeated while its job runs',
    () => {
      const call = () => status(detect({ 'idempotency-key': 'twice' }));
      let second: Promise<number>;
      return whileRunning(call, async () => {
        second = call();
        await expect.poll(() => retained(gateway).waits, { timeout: 10_000 }).toBe(3);
      }).then(() => second);
    },
    200,
  ],
  [
    'repeated after its job',
    async () => {
      await detect({ 'idempotency-key': 'again' });
      return await status(detect({ 'idempotency-key': 'again' }));
    },
    200,
  ],
  [
    'whose job fails',
    () => {
      answer = () => ({ status: 'failed', error: { code: 'image_undecodable', detail: 'cut off' } });
      return status(detect());
    },
    422,
  ],
  [
    'whose job is canceled',
    () =>
      whileRunning(
        () => status(detect()),
        (id) => send('POST', `/jobs/${id}/cancel`),
      ),
    409,
  ],
  [
    'whose job is erased',
    () =>
      whileRunning(
        () => status(detect()),
        (id) => send('DELETE', `/jobs/${id}`),
      ),
    410,
  ],
  ['whose job takes too long', () => status(detect({}, 'image', hasty)), 504],
  [
    'whose client leaves while it waits',
    () =>
      leave(
        'POST /face_detection',
        ['Content-Type: image/png', 'Prefer: wait=60', 'Content-Length: 1'],
        'x',
        { waits: 1, bodies: 0 },
        hasty,
      ),
    'left',
  ],
];

const STEPS: Way[] = [
  ['reads the call', () => failing(gateway.queue, 'snapshot'), 500],
  ['submits the job', () => failing(gateway.queue, 'submit'), 500],
  [
    'waits for the job',
    () => {
      const wait = gateway.queue.wait.bind(gateway.queue);
      const spy = vi
        .spyOn(gateway.queue, 'wait')
        .mockImplementation((id) => Object.assign(wait(id), { ended: () => Promise.reject(new Error('planted')) }));
      return status(detect()).finally(() => spy.mockRestore());
    },
    500,
  ],
  [
    'answers',
    () => {
      answer = () => ({ ...CANNED_OUTCOME, result: Buffer.from('no result') }) as Outcome;
      return status(detect());
    },
    500,
  ],
];

function failing(queue: TestGateway['queue'], method: 'snapshot' | 'submit'): Promise<number> {
  const spy = vi.spyOn(queue, method).mockRejectedValue(new Error('planted'));
  return status(detect()).finally(() => spy.mockRestore());
}

const FRAMES: Way[] = [
  ['accepted', () => status(send('POST', '/cameras/gate/frames', IMAGE, 'image')), 202],
  ['empty', () => status(send('POST', '/cameras/gate/frames', IMAGE, '')), 400],
  ['too large', () => status(send('POST', '/cameras/gate/frames', IMAGE, inChunks(150_000))), 413],
  [
    'whose client leaves',
    () => leave('POST /cameras/gate/frames', ['Content-Type: image/png', CHUNKED], '1\r\nx\r\n', { bodies: 1 }),
    'left',
  ],
];

const BATCHES: Way[] = [
  ['created with lines', () => status(send('POST', '/batches', LINES, ITEM)), 202],
  ['created with JSON', () => status(send('POST', '/batches', JSON_TYPE, '{"items":[{"img":"YWJj"}]}')), 202],
  ['refused as a whole', () => status(send('POST', '/batches', JSON_TYPE, '{"items":[],"colour":"red"}')), 400],
  ['refused for its lines', () => status(send('POST', '/batches', LINES, `${ITEM}${'\n'.repeat(10_000)}${ITEM}`)), 413],
  [
    'whose client leaves within a line',
    () =>
      leave('POST /batches', ['Content-Type: application/x-ndjson', CHUNKED], 'f\r\n{"img":"YWJj"}\n\r\n', {
        entries: 2,
      }),
    'left',
  ],
  [
    'whose client leaves within JSON',
    () => leave('POST /batches', ['Content-Type: application/json', CHUNKED], '1\r\n{\r\n', { entries: 1, timers: 2 }),
    'left',
  ],
  [
    'whose client sends nothing for too long',
    async () => {
      using raw = await openRaw(hasty.port);
      await raw.send(
        `POST /batches HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n${STATED}\r\n\r\n`,
      );
      return Number(/^HTTP\/1.1 (\d+)/.exec(await raw.until('}'))?.[1]);
    },
    408,
  ],
  ['appended to with lines', async () => status(send('POST', `/batches/${await openBatch()}/items`, LINES, ITEM)), 200],
  [
    'appended to with JSON',
    async () => status(send('POST', `/batches/${await openBatch()}/items`, JSON_TYPE, '{"items":[{"img":"YWJj"}]}')),
    200,
  ],
  [
    'appended to by a client that leaves',
    async () =>
      leave(
        `POST /batches/${await openBatch()}/items`,
        ['Content-Type: application/x-ndjson', CHUNKED],
        'f\r\n{"img":"YWJj"}\n\r\n',
        { entries: 2 },
      ),
    'left',
  ],
  [
    'closed before an append',
    async () => {
      const id = await openBatch();
      await send('POST', `/batches/${id}/close`);
      return await status(send('POST', `/batches/${id}/items`, LINES, ITEM));
    },
    409,
  ],
];

const READERS: Way[] = [
  [
    'that waits for a job until its end',
    () =>
      whileRunning(
        async () => {
          const { id } = await detect({ prefer: 'respond-async' });
          return await status(send('GET', `/jobs/${id}?wait=60`));
        },
        () => expect.poll(() => retained(gateway).waits, { timeout: 10_000 }).toBe(1),
      ),
    200,
  ],
  [
    'that waits for a job in vain',
    async () => status(send('GET', `/jobs/${await queuedJob()}?wait=1`, {}, undefined, hasty)),
    200,
  ],
  [
    'that waits for a job and leaves',
    async () => leave(`GET /jobs/${await queuedJob()}?wait=60`, [], '', { waits: 1 }, hasty),
    'left',
  ],
  [
    'that waits for a job that is not there',
    () => status(send('GET', '/jobs/01000000-0000-7000-8000-000000000000?wait=60')),
    404,
  ],
  [
    'of the events of a job, until its end',
    async () => status(send('GET', `/jobs/${(await detect()).id}/events`)),
    200,
  ],
  [
    'of the events of a job, who leaves',
    async () => leave(`GET /jobs/${await queuedJob()}/events`, [], '', { subscriptions: 1, entries: 2 }, hasty),
    'left',
  ],
  [
    'of the events of a job that is not there',
    () => status(send('GET', '/jobs/01000000-0000-7000-8000-000000000000/events')),
    404,
  ],
  [
    'of the headers of events',
    async () => status(send('HEAD', `/jobs/${await queuedJob()}/events`, {}, undefined, hasty)),
    200,
  ],
  [
    'of the events of a camera, who leaves',
    () => leave('GET /cameras/gate/events', [], '', { subscriptions: 1, entries: 2 }),
    'left',
  ],
  ['of the headers of a camera’s events', () => status(send('HEAD', '/cameras/gate/events')), 200],
  [
    'of results, until their end',
    async () => {
      const { id } = (await send('POST', '/batches', LINES, ITEM)).json();
      return await status(send('GET', `/batches/${id}/results?follow=true`));
    },
    200,
  ],
  [
    'of results, who leaves',
    async () =>
      leave(`GET /batches/${await openBatch()}/results?follow=true`, [], '', { subscriptions: 1, entries: 2 }),
    'left',
  ],
  [
    'of results that are not there',
    () => status(send('GET', '/batches/01000000-0000-7000-8000-000000000000/results?follow=true')),
    404,
  ],
  [
    'of the headers of results',
    async () => status(send('HEAD', `/batches/${await openBatch()}/results?follow=true`)),
    200,
  ],
];

describe.each([
  ['a detection call', DETECTION],
  ['a detection call whose handler fails when it', STEPS],
  ['a frame', FRAMES],
  ['a batch', BATCHES],
  ['a reader', READERS],
])('nothing is retained of %s', (_, ways) => {
  it.each<Way>(ways)('%s', async (_, run, result) => {
    expect(await run()).toBe(result);
    for (const at of [gateway, hasty, full])
      await expect.poll(() => retained(at), { timeout: 10_000 }).toEqual(NOTHING);
  });
});
