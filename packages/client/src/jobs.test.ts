import type { JobStatus } from '@facequeue/schema';
import type { ErrorCode, FacequeueError } from '@facequeue/schema/errors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Client, createClient } from './client.ts';
import type { JobEvent } from './follow.ts';
import { scriptedJob } from './testing/scripted-job.ts';
import {
  type Answer,
  disconnect,
  json,
  plain,
  problem,
  RETRY_NOW,
  type ScriptedServer,
  startScriptedServer,
  stream,
} from './testing/scripted-server.ts';

const JOB_ID = '01930000-0000-7000-8000-000000000000';
const IMAGE = { base64: 'YWJj' };

const job = (status: JobStatus) => scriptedJob(JOB_ID, status);

let service: ScriptedServer;
let client: Client;

beforeEach(async () => {
  service = await startScriptedServer();
  client = createClient({ baseUrl: service.baseUrl });
});
afterEach(async () => {
  await service.kill();
});

const failureOf = (call: Promise<unknown>): Promise<FacequeueError> =>
  call.then(
    () => expect.fail('it succeeded'),
    (error) => error,
  );
const requests = () => service.seen.map(({ method, url }) => `${method} ${url}`);
/** Resolves when this many requests have arrived. */
const requestsSeen = (count: number) => expect.poll(() => service.seen.length, { timeout: 10_000 }).toBe(count);
/** Never answers. */
const silence: Answer = () => {};

describe('submit', () => {
  const accepted = json(job('queued'), {}, 202);

  it('asks for the job instead of the faces, with a generated key', async () => {
    service.answers = [accepted];
    expect(await client.submit(IMAGE, { max_faces: 3, webhook_url: 'https://example.org/hook?a=b' })).toEqual(
      job('queued'),
    );
    await client.submit(IMAGE);
    const [first, second] = service.seen;
    expect(first).toMatchObject({
      method: 'POST',
      url: '/face_detection?max_faces=3&webhook_url=https%3A%2F%2Fexample.org%2Fhook%3Fa%3Db',
      headers: { prefer: 'respond-async', 'idempotency-key': expect.stringMatching(/^"[0-9a-f]{32}"$/) },
    });
    expect(second!.headers['idempotency-key']).not.toBe(first!.headers['idempotency-key']);
  });

  it('can have a given key and a wait', async () => {
    service.answers = [accepted];
    await client.submit(IMAGE, {}, { idempotencyKey: 'order 7', waitMs: 4200 });
    expect(service.seen[0]!.headers).toMatchObject({
      prefer: 'respond-async, wait=5',
      'idempotency-key': '"order 7"',
    });
  });

  it.each<[string, Answer]>([
    ['a broken connection', disconnect],
    ['unavailable', problem('unavailable', RETRY_NOW)],
    ['unavailable after it was accepted', problem('unavailable', RETRY_NOW, JOB_ID)],
    ['queue_full', problem('queue_full', RETRY_NOW)],
    ['a 502 of a proxy', plain(502, '', RETRY_NOW)],
    ['a 504 of a proxy', plain(504, '', RETRY_NOW)],
  ])('is retried after %s with the same key and image', async (_, failure) => {
    service.answers = [failure, accepted];
    await client.submit({ bytes: Uint8Array.of(1, 2) });
    expect(service.seen).toHaveLength(2);
    const [first, second] = service.seen.map(({ headers, body }) => [headers['idempotency-key'], body.toString('hex')]);
    expect(second).toEqual(first);
  });

  it.each<[string, Answer]>([
    ['succeeded', json({ Faces: [], FaceModelVersion: '1.0.0' }, { 'x-job-id': JOB_ID })],
    ['failed', problem('image_undecodable', {}, JOB_ID)],
    ['expired', problem('expired', RETRY_NOW, JOB_ID)],
    ['canceled', problem('canceled', {}, JOB_ID)],
  ] as const)('returns the job when it has already %s', async (status, answer) => {
    service.answers = [answer, json(job(status as JobStatus))];
    expect(await client.submit(IMAGE, {}, { waitMs: 1000 })).toEqual(job(status as JobStatus));
    expect(requests()).toEqual(['POST /face_detection', `GET /jobs/${JOB_ID}`]);
  });

  it.each<[string, Answer, ErrorCode]>([
    ['is refused', problem('invalid_request'), 'invalid_request'],
    ['has a key of another request', problem('idempotency_conflict', {}, JOB_ID), 'idempotency_conflict'],
    ['is answered without a job that can be found', json({ Faces: [] }), 'internal_error'],
  ])('throws when it %s', async (_, answer, code) => {
    service.answers = [answer];
    expect(await failureOf(client.submit(IMAGE))).toMatchObject({ code });
    expect(service.seen).toHaveLength(1);
  });

  it('sends nothing and throws for a key that a header cannot carry', async () => {
    expect(await failureOf(client.submit(IMAGE, {}, { idempotencyKey: 'Ö' }))).toMatchObject({
      code: 'invalid_request',
    });
    expect(service.seen).toHaveLength(0);
  });
});

describe('detect with an idempotency key', () => {
  it('is retried after a broken connection', async () => {
    service.answers = [disconnect, json({ Faces: [], FaceModelVersion: '1.0.0' }, { 'x-job-id': JOB_ID })];
    expect(await client.detect(IMAGE, {}, { idempotencyKey: 'k' })).toMatchObject({ jobId: JOB_ID });
    expect(service.seen.map(({ headers }) => [headers['idempotency-key'], headers['prefer']])).toEqual([
      ['"k"', undefined],
      ['"k"', undefined],
    ]);
  });
});

describe('job, cancel and erase', () => {
  it('send the documented requests', async () => {
    service.answers = [json(job('processing'))];
    expect(await client.job(JOB_ID, { waitMs: 1500 })).toEqual(job('processing'));
    expect(await client.cancel(JOB_ID)).toEqual(job('processing'));
    service.answers = [plain(204, '')];
    expect(await client.erase(JOB_ID)).toBeUndefined();
    expect(requests()).toEqual([`GET /jobs/${JOB_ID}?wait=2`, `POST /jobs/${JOB_ID}/cancel`, `DELETE /jobs/${JOB_ID}`]);
  });

  it('are retried after a broken connection', async () => {
    service.answers = [disconnect, json(job('canceled'))];
    expect(await client.cancel(JOB_ID)).toEqual(job('canceled'));
    service.answers = [disconnect, plain(204, '')];
    await client.erase(JOB_ID);
    expect(service.seen).toHaveLength(4);
  });

  it('throw conflict when the job has ended in another way', async () => {
    service.answers = [problem('conflict', {}, JOB_ID)];
    expect(await failureOf(client.cancel(JOB_ID))).toMatchObject({ code: 'conflict', jobId: JOB_ID });
  });
});

describe('wait', () => {
  const poll = `GET /jobs/${JOB_ID}?wait=25`;

  it.each<JobStatus>(['succeeded', 'failed', 'canceled', 'expired'])('returns a job that has %s', async (status) => {
    service.answers = [json(job(status))];
    expect(await client.wait(JOB_ID)).toEqual(job(status));
    expect(requests()).toEqual([poll]);
  });

  it('polls until the job has ended', async () => {
    service.answers = [json(job('queued')), json(job('processing')), json(job('succeeded'))];
    expect(await client.wait(JOB_ID)).toEqual(job('succeeded'));
    expect(requests()).toEqual([poll, poll, poll]);
  });

  it('survives a restart of the service', async () => {
    service.answers = [silence];
    const ended = client.wait(JOB_ID);
    await requestsSeen(1);
    await service.kill();
    service.answers = [problem('unavailable', RETRY_NOW), plain(503, 'starting', RETRY_NOW), json(job('succeeded'))];
    await service.restart();
    expect(await ended).toEqual(job('succeeded'));
    expect(service.seen).toHaveLength(4);
  });

  it('asks eleven times in a row for an answer, and not more often', async () => {
    service.answers = [problem('unavailable', RETRY_NOW)];
    expect(await failureOf(client.wait(JOB_ID))).toMatchObject({ code: 'unavailable' });
    expect(requests()).toEqual(Array.from({ length: 11 }, () => poll));
  });

  it.each<ErrorCode>(['gone', 'not_found', 'unauthorized'])('throws %s at once', async (code) => {
    service.answers = [problem(code)];
    expect(await failureOf(client.wait(JOB_ID))).toMatchObject({ code });
    expect(service.seen).toHaveLength(1);
  });

  it('throws at its time limit, and names the job', async () => {
    service.answers = [silence];
    expect(await failureOf(client.wait(JOB_ID, { timeoutMs: 1000 }))).toMatchObject({
      code: 'wait_timeout',
      jobId: JOB_ID,
    });
    expect(requests()).toEqual([`GET /jobs/${JOB_ID}?wait=1`]);
    service.answers = [problem('unavailable', { 'retry-after': '50' })];
    expect(await failureOf(client.wait(JOB_ID, { timeoutMs: 1000 }))).toMatchObject({ code: 'wait_timeout' });
  });

  it.each<[string, Answer]>([
    ['while the service waits', silence],
    ['while it pauses', problem('unavailable', { 'retry-after': '30' })],
  ])('ends with its signal %s', async (_, answer) => {
    const abort = new AbortController();
    const reason = new Error('no longer needed');
    service.answers = [answer];
    const ended = failureOf(client.wait(JOB_ID, { signal: abort.signal }));
    await requestsSeen(1);
    abort.abort(reason);
    expect(await ended).toBe(reason);
  });
});

describe('follow', () => {
  const status = (status: JobStatus, id: number) =>
    `event: status\nid: ${id}\ndata: {"id":"${JOB_ID}","status":"${status}","attempts":${id},"at":"2026-01-01T00:00:00.000Z"}\n\n`;
  const ended = (id: number) => `event: job\nid: ${id}\ndata: ${JSON.stringify(job('succeeded'))}\n\n`;
  const quick = 'retry: 1\n\n';

  const collect = async (events: AsyncIterable<JobEvent>): Promise<JobEvent[]> => {
    const all: JobEvent[] = [];
    for await (const event of events) all.push(event);
    return all;
  };
  const seenOf = (events: JobEvent[]) =>
    events.map((event) => (event.type === 'status' ? [event.status, event.attempts] : [event.job.status]));

  it('yields every change of status and, last, the job', async () => {
    service.answers = [
      stream(`retry: 2000\n\n${status('queued', 1)}: still there\n\n${status('processing', 2)}${ended(3)}`, 'stay'),
    ];
    expect(await collect(client.follow(JOB_ID))).toEqual([
      { type: 'status', id: JOB_ID, status: 'queued', attempts: 1, at: '2026-01-01T00:00:00.000Z' },
      { type: 'status', id: JOB_ID, status: 'processing', attempts: 2, at: '2026-01-01T00:00:00.000Z' },
      { type: 'job', job: job('succeeded') },
    ]);
    expect(service.seen).toMatchObject([
      { method: 'GET', url: `/jobs/${JOB_ID}/events`, headers: { accept: 'text/event-stream' } },
    ]);
    expect(service.seen[0]!.headers['last-event-id']).toBeUndefined();
  });

  it('resumes when a stream was cut in the middle of an event', async () => {
    service.answers = [
      stream(quick + status('queued', 1) + status('processing', 2).slice(0, 40), 'break'),
      stream(quick + status('processing', 2), 'end'),
      stream(quick + ended(3), 'end'),
    ];
    expect(seenOf(await collect(client.follow(JOB_ID)))).toEqual([['queued', 1], ['processing', 2], ['succeeded']]);
    expect(service.seen.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, '1', '2']);
  });

  it('survives a service that restarts and is not ready at once', async () => {
    service.answers = [stream(quick + status('queued', 1), 'stay')];
    const events = collect(client.follow(JOB_ID));
    await requestsSeen(1);
    await service.kill();
    service.answers = [problem('unavailable', RETRY_NOW), plain(502, '', RETRY_NOW), stream(ended(2), 'stay')];
    await service.restart();
    expect(seenOf(await events)).toEqual([['queued', 1], ['succeeded']]);
  });

  it('ignores unknown events', async () => {
    service.answers = [stream(`data: hello\n\nevent: weather\ndata: {}\n\n${ended(1)}`, 'end')];
    expect(seenOf(await collect(client.follow(JOB_ID)))).toEqual([['succeeded']]);
  });

  it.each<[string, Answer, ErrorCode]>([
    ['an erased job', problem('gone'), 'gone'],
    ['a wrong key', problem('unauthorized'), 'unauthorized'],
    ['an answer that is not a stream', plain(200, '<html>', { 'content-type': 'text/html' }), 'internal_error'],
    ['events that are not JSON', stream('event: job\ndata: {"id"\n\n', 'end'), 'internal_error'],
  ])('throws for %s', async (_, answer, code) => {
    service.answers = [answer];
    expect(await failureOf(collect(client.follow(JOB_ID)))).toMatchObject({ code });
    expect(service.seen).toHaveLength(1);
  });

  it('closes its connection when the reader stops', async () => {
    const closed = Promise.withResolvers<void>();
    service.answers = [
      (response, request) => {
        response.on('close', closed.resolve);
        stream(status('queued', 1), 'stay')(response, request);
      },
    ];
    for await (const event of client.follow(JOB_ID)) {
      expect(event.type).toBe('status');
      break;
    }
    await closed.promise;
  });

  it('ends with its signal, during a stream or before it', async () => {
    const abort = new AbortController();
    const reason = new Error('no longer needed');
    service.answers = [stream(status('queued', 1), 'stay')];
    const events = client.follow(JOB_ID, { signal: abort.signal })[Symbol.asyncIterator]();
    await events.next();
    const next = failureOf(events.next());
    abort.abort(reason);
    expect(await next).toBe(reason);
    expect(await failureOf(collect(client.follow(JOB_ID, { signal: abort.signal })))).toBe(reason);
    expect(service.seen).toHaveLength(1);
  });
});
