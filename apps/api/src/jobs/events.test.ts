/** Following a job, on two gateways over one Redis. */
import { openWorkerQueue, UNLIMITED, type WorkerQueue } from '@facequeue/queue';
import { JobResource } from '@facequeue/schema';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openRaw } from '../../../../test/support/clients/raw-http.ts';
import {
  CANNED_OUTCOME,
  CANNED_RESULT,
  type GatewayPair,
  startGatewayPair,
  startTestGateway,
} from '../../../../test/support/gateway/index.ts';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { countOpen } from '../http/testing/open-waits.ts';
import { hastenTimeouts } from '../streaming/testing/hasten-timeouts.ts';
import { readEvents } from '../streaming/testing/sse-reader.ts';

let redis: TestRedis;
let gateways: GatewayPair;
let work: WorkerQueue;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis?.stop());

beforeEach(async () => {
  gateways = await startGatewayPair(redis.url);
  work = await openWorkerQueue({
    url: redis.url,
    prefix: gateways[0].prefix,
    maxAttempts: 5,
    limits: UNLIMITED,
    onError: () => {},
  });
});
afterEach(async () => {
  await gateways[Symbol.asyncDispose]();
  await work.close();
});

async function submit(): Promise<string> {
  const response = await fetch(`${gateways[0].url}/face_detection`, {
    method: 'POST',
    headers: { 'content-type': 'image/png', prefer: 'respond-async' },
    body: 'image',
  });
  return response.headers.get('x-job-id')!;
}

/** Claims and starts the job, as a worker does. */
async function begin(id: string): Promise<number> {
  const job = await work.claim(id, 'worker');
  expect(await work.start(id, job!.attempt)).toBe(true);
  return job!.attempt;
}

const end = async (id: string, attempt: number) => expect(await work.finish(id, attempt, CANNED_OUTCOME)).toBe(true);

const events = (id: string, at = gateways[1], lastEventId?: string) =>
  readEvents(`${at.url}/jobs/${id}/events`, lastEventId === undefined ? {} : { 'last-event-id': lastEventId });

const parsed = (data: string | undefined) => JSON.parse(data!) as Record<string, unknown>;

describe('GET /jobs/{id}/events', () => {
  it('sends each state of a job, the job itself at its end, and ends', async () => {
    const id = await submit();
    using stream = await events(id);
    expect(stream.response.status).toBe(200);
    expect(Object.fromEntries(stream.response.headers)).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-store',
      'x-accel-buffering': 'no',
    });
    expect(await stream.next()).toEqual({ retry: '2000' });
    const queued = await stream.next();
    expect(queued).toMatchObject({ id: expect.any(String), event: 'status' });
    const { created_at } = (await (await fetch(`${gateways[0].url}/jobs/${id}`)).json()) as JobResource;
    expect(parsed(queued!.data)).toEqual({ id, status: 'queued', attempts: 0, at: created_at });

    const first = await begin(id);
    const running = await stream.next();
    expect(parsed(running!.data)).toMatchObject({ id, status: 'processing', attempts: 1 });
    expect(await work.release(id, first, 0)).toBe(true);
    const again = await stream.next();
    expect(parsed(again!.data)).toMatchObject({ status: 'queued', attempts: 1 });
    const second = await begin(id);
    const rerun = await stream.next();
    expect(parsed(rerun!.data)).toMatchObject({ status: 'processing', attempts: 2 });
    expect(new Set([queued, running, again, rerun].map((event) => event!.id)).size).toBe(4);

    await end(id, second);
    const last = await stream.next();
    expect(last).toMatchObject({ id: expect.any(String), event: 'job' });
    expect(JobResource.strict().parse(parsed(last!.data))).toMatchObject({
      status: 'succeeded',
      result: CANNED_RESULT,
    });
    expect(await stream.next()).toBeNull();
  });

  it('resumes after the last event seen, on another gateway too', async () => {
    const id = await submit();
    let seen: string | undefined;
    {
      using stream = await events(id);
      await stream.next();
      seen = (await stream.next())!.id;
    }
    using same = await events(id, gateways[0], seen);
    expect(await same.next()).toEqual({ retry: '2000' });
    const attempt = await begin(id);
    const running = await same.next();
    expect(parsed(running!.data)).toMatchObject({ status: 'processing' });
    await end(id, attempt);
    using ended = await events(id, gateways[1], running!.id);
    const [, last, ...others] = await ended.rest();
    expect(last).toMatchObject({ event: 'job' });
    expect(others).toEqual([]);
    // A client that has seen the end is told not to reconnect.
    using over = await events(id, gateways[0], last!.id);
    expect([over.response.status, await over.response.text()]).toEqual([204, '']);
  });

  it('answers at once for a job that has ended', async () => {
    const id = await submit();
    await gateways[0].queue.cancel(id);
    using stream = await events(id);
    const [, last, ...others] = await stream.rest();
    expect([last!.event, parsed(last!.data)['status'], others]).toEqual(['job', 'canceled', []]);
  });

  it('reports a cancel through another gateway, and ends when the job is erased', async () => {
    const [canceled, erased] = [await submit(), await submit()];
    using one = await events(canceled);
    using other = await events(erased);
    for (const stream of [one, other]) for (let i = 0; i < 2; i++) await stream.next();
    await fetch(`${gateways[0].url}/jobs/${canceled}/cancel`, { method: 'POST' });
    await fetch(`${gateways[0].url}/jobs/${erased}`, { method: 'DELETE' });
    expect(parsed((await one.rest()).at(-1)!.data)).toMatchObject({ status: 'canceled' });
    for (const { data } of await other.rest()) expect(parsed(data)).toMatchObject({ status: 'canceled' });
    // A client that reconnects is told that the job is gone.
    using gone = await events(erased);
    expect(gone.response.status).toBe(410);
  });

  it('answers 404 and 410 as GET /jobs/{id} does, refuses options, and answers HEAD', async () => {
    using unknown = await events('x');
    expect(unknown.response.status).toBe(404);
    const id = await submit();
    const refused = await fetch(`${gateways[0].url}/jobs/${id}/events?wait=1`);
    expect(refused.status).toBe(400);
    const head = await fetch(`${gateways[0].url}/jobs/${id}/events`, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8']);
  });

  it('sends a heartbeat every 15 s while nothing happens', async () => {
    const { queue } = gateways[1];
    const timeouts = hastenTimeouts(queue, 2);
    const id = await submit();
    using stream = await events(id);
    await stream.next();
    expect(await stream.next()).toMatchObject({ event: 'status' });
    for (let i = 0; i < 2; i++) expect(await stream.next()).toEqual({ comment: '' });
    await queue.cancel(id);
    expect((await stream.rest()).map(({ event }) => event)).toEqual(['job']);
    expect(timeouts.slice(0, 2)).toEqual([15_000, 15_000]);
  });

  it('is freed at once when its client disconnects', async () => {
    const open = countOpen(gateways[1].queue);
    const id = await submit();
    {
      using stream = await events(id);
      await stream.next();
      expect(open.subscriptions).toBe(1);
    }
    await expect.poll(() => open.subscriptions).toBe(0);
    expect((await gateways[0].queue.read(id))!.status).toBe('queued');
  });

  it('ends when its gateway shuts down, without waiting for the job, and says when to reconnect', async () => {
    const id = await submit();
    using stream = await events(id);
    for (let i = 0; i < 2; i++) await stream.next();
    const closed = gateways[1].close(60_000);
    const [last, ...others] = await stream.rest();
    expect(Number(last!.retry)).toBeGreaterThanOrEqual(500);
    expect(Number(last!.retry)).toBeLessThanOrEqual(3000);
    expect(others).toEqual([]);
    await closed;
    await end(id, await begin(id));
    using next = await events(id, gateways[0]);
    expect((await next.rest()).at(-1)!.event).toBe('job');
  });

  it('survives an outage of Redis', async () => {
    await using away = await startRedis({ appendonly: 'always' });
    await using at = await startTestGateway(away.url);
    const response = await fetch(`${at.url}/face_detection`, {
      method: 'POST',
      headers: { 'content-type': 'image/png', prefer: 'respond-async' },
      body: 'image',
    });
    const id = response.headers.get('x-job-id')!;
    using stream = await events(id, at);
    for (let i = 0; i < 2; i++) await stream.next();
    await away.kill();
    await away.restart();
    const back = performance.now();
    await expect
      .poll(
        () =>
          at.queue.cancel(id).then(
            (job) => job?.status,
            () => null,
          ),
        { timeout: 20_000 },
      )
      .toBe('canceled');
    expect((await stream.rest()).at(-1)!.event).toBe('job');
    // As soon as it is reachable: a process connects again within a second or so.
    expect(performance.now() - back).toBeLessThan(5000);
  });

  it('frees the subscription at the end of the job for a client that does not read, which gets every event later', async () => {
    const id = await submit();
    const open = countOpen(gateways[1].queue);
    using raw = await openRaw(gateways[1].port);
    raw.socket.pause();
    await raw.send(`GET /jobs/${id}/events HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    await expect.poll(() => open.subscriptions).toBe(1);
    await end(id, await begin(id));
    // The events are in the kernel's buffers; the gateway has released the subscription.
    await expect.poll(() => open.subscriptions).toBe(0);
    raw.socket.resume();
    expect(await raw.until('event: job')).toContain('event: status');
  });
});
