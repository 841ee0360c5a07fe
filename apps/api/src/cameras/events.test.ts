/** Following a camera, on two gateways over one Redis. */
import { FrameEvent } from '@facequeue/schema';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { openRaw } from '../../../../test/support/clients/raw-http.ts';
import {
  CANNED_OUTCOME,
  CANNED_RESULT,
  type CannedWorker,
  type GatewayPair,
  startCannedWorker,
  startGatewayPair,
  startTestGateway,
} from '../../../../test/support/gateway/index.ts';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { countOpen } from '../http/testing/open-waits.ts';
import { EventStream } from '../streaming/sse.ts';
import { hastenTimeouts } from '../streaming/testing/hasten-timeouts.ts';
import { type EventReader, readEvents } from '../streaming/testing/sse-reader.ts';

let redis: TestRedis;
let gateways: GatewayPair;
let worker: CannedWorker;

beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis?.stop());

beforeEach(async () => {
  gateways = await startGatewayPair(redis.url);
  worker = await startCannedWorker(gateways[0], (_, bytes) =>
    bytes?.toString() === 'bad'
      ? { status: 'failed', error: { code: 'image_undecodable', detail: 'half an image' } }
      : CANNED_OUTCOME,
  );
});
afterEach(async () => {
  await gateways[Symbol.asyncDispose]();
  await worker.close();
});

/** Posts a frame; resolves with its id when it has ended. */
async function post(camera = 'gate-1', body = 'image', at = gateways[0]): Promise<string> {
  const response = await fetch(`${at.url}/cameras/${camera}/frames?keep=all`, {
    method: 'POST',
    headers: { 'content-type': 'image/jpeg', 'x-frame-time': '2026-01-02T03:04:05.678Z' },
    body,
  });
  const id = response.headers.get('x-job-id')!;
  await (await fetch(`${at.url}/jobs/${id}?wait=20`)).arrayBuffer();
  return id;
}

const events = (query = '', lastEventId?: string, at = gateways[1], camera = 'gate-1') =>
  readEvents(
    `${at.url}/cameras/${camera}/events${query}`,
    lastEventId === undefined ? {} : { 'last-event-id': lastEventId },
  );

/** Reads the first block, then `count` events. */
async function frames(stream: EventReader, count: number): Promise<{ id: string; frame: FrameEvent }[]> {
  expect(await stream.next()).toEqual({ retry: '2000' });
  expect(await stream.next()).toEqual({ id: expect.stringMatching(/^(start|\d+)$/) });
  return more(stream, count);
}

async function more(stream: EventReader, count: number) {
  const read = [];
  for (let i = 0; i < count; i++) {
    const { id, event, data } = (await stream.next())!;
    expect(event).toBe('frame');
    read.push({ id: id!, frame: FrameEvent.strict().parse(JSON.parse(data!)) });
  }
  return read;
}

describe('GET /cameras/{camera}/events', () => {
  it('sends the result of each frame as it ends, also for a camera that had posted none before', async () => {
    using stream = await events();
    expect(stream.response.status).toBe(200);
    expect(Object.fromEntries(stream.response.headers)).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'x-accel-buffering': 'no',
    });
    const id = await post();
    const [first] = await frames(stream, 1);
    expect(first!.frame).toEqual({
      camera: 'gate-1',
      job: id,
      status: 'succeeded',
      frame_time: '2026-01-02T03:04:05.678Z',
      arrived_at: expect.any(String),
      started_at: expect.any(String),
      finished_at: expect.any(String),
      image: { width: 640, height: 480, format: 'jpeg', bytes: 1234, orientation: 1 },
      result: CANNED_RESULT,
      error: null,
      timings: { queue: 3, fetch: 0, decode: 14, detect: 17, landmarks: 3, attributes: 2 },
    });
    const bad = await post('gate-1', 'bad');
    await post('gate-2');
    expect((await more(stream, 1))[0]!.frame).toMatchObject({
      job: bad,
      status: 'failed',
      result: null,
      error: { code: 'image_undecodable', job_id: bad },
    });
  });

  it('starts with new results, with the oldest kept, or after a given one', async () => {
    const ids = [];
    for (let i = 0; i < 3; i++) ids.push(await post());
    using fresh = await events();
    using all = await events('?after=start');
    const old = await frames(all, 3);
    expect(old.map(({ frame }) => frame.job)).toEqual(ids);
    // The header overrides the option: an EventSource reconnects to the same URL.
    using rest = await events('?after=start', old[0]!.id);
    expect((await frames(rest, 2)).map(({ frame }) => frame.job)).toEqual(ids.slice(1));
    ids.push(await post());
    expect((await frames(fresh, 1))[0]!.frame.job).toBe(ids[3]);
    expect((await more(all, 1))[0]!.frame.job).toBe(ids[3]);
  });

  it('loses nothing when it breaks before the first event', async () => {
    const placeOf = async () => {
      using stream = await events();
      await stream.next();
      return (await stream.next())!.id!;
    };
    const beforeAny = await placeOf();
    const first = await post();
    const behindFirst = await placeOf();
    const second = await post();
    using one = await events('', beforeAny, gateways[0]);
    expect((await frames(one, 2)).map(({ frame }) => frame.job)).toEqual([first, second]);
    using other = await events('', behindFirst, gateways[0]);
    expect((await frames(other, 1)).map(({ frame }) => frame.job)).toEqual([second]);
  });

  it('sends more than a page of missed results, each once and in order', async () => {
    const ids = [];
    for (let i = 0; i < 40; i++) ids.push(await post());
    using stream = await events('?after=start');
    expect((await frames(stream, 40)).map(({ frame }) => frame.job)).toEqual(ids);
  });

  it('refuses unknown options and invalid cursors, and answers HEAD', async () => {
    for (const [query, id] of [
      ['?wait=1', undefined],
      ['?after=new', undefined],
      ['', '1-succeeded'],
    ] as const) {
      using refused = await events(query, id);
      expect([refused.response.status, query, id]).toEqual([400, query, id]);
    }
    using wrong = await events('', undefined, gateways[0], 'a%20b');
    expect(wrong.response.status).toBe(400);
    const head = await fetch(`${gateways[0].url}/cameras/gate-1/events`, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8']);
  });

  it('sends a heartbeat every 15 s while no frame arrives', async () => {
    const timeouts = hastenTimeouts(gateways[1].queue, 2);
    using stream = await events();
    await frames(stream, 0);
    for (let i = 0; i < 2; i++) expect(await stream.next()).toEqual({ comment: '' });
    const flushed = vi.spyOn(EventStream.prototype, 'flushed');
    await post();
    await more(stream, 1);
    // A client that reads nothing is disconnected after half a minute.
    expect(flushed).toHaveBeenCalledWith(30_000);
    flushed.mockRestore();
    expect(timeouts.slice(0, 2)).toEqual([15_000, 15_000]);
  });

  it('is freed at once when its client disconnects', async () => {
    const open = countOpen(gateways[1].queue);
    {
      using stream = await events();
      await frames(stream, 0);
      expect(open.subscriptions).toBe(1);
    }
    await expect.poll(() => open.subscriptions).toBe(0);
  });

  it('ends when its gateway shuts down, says when to reconnect, and resumes at another', async () => {
    using stream = await events();
    const id = await post();
    const [seen] = await frames(stream, 1);
    const closed = gateways[1].close(60_000);
    const [last, ...others] = await stream.rest();
    expect(Number(last!.retry)).toBeGreaterThanOrEqual(500);
    expect(Number(last!.retry)).toBeLessThanOrEqual(3000);
    expect(others).toEqual([]);
    await closed;
    const next = await post();
    using other = await events('', seen!.id, gateways[0]);
    expect((await frames(other, 1))[0]!.frame.job).toBe(next);
    expect(next).not.toBe(id);
  });

  it('survives an outage of Redis', async () => {
    await using away = await startRedis({ appendonly: 'always' });
    await using at = await startTestGateway(away.url);
    await using own = await startCannedWorker(at);
    using stream = await events('', undefined, at);
    await frames(stream, 0);
    await away.kill();
    await away.restart();
    await expect
      .poll(() => post('gate-1', 'image', at).catch(() => null), { timeout: 20_000 })
      .toEqual(expect.any(String));
    expect((await more(stream, 1))[0]!.frame.status).toBe('succeeded');
    expect(own.seen.length).toBeGreaterThan(0);
  });

  it('reads each result once for all who follow the camera here, and sends it to each', async () => {
    const raw = new Redis(redis.url);
    const reads = async () => Number(/cmdstat_xrange:calls=(\d+)/.exec(await raw.info('commandstats'))?.[1] ?? 0);
    const streams = await Promise.all(Array.from({ length: 20 }, () => events()));
    for (const stream of streams) await frames(stream, 0);
    const before = await reads();
    const ids = [await post(), await post(), await post()];
    for (const stream of streams) expect((await more(stream, 3)).map(({ frame }) => frame.job)).toEqual(ids);
    // One that finds the result and one that finds no more, for each; 120 if each follower read for itself.
    expect((await reads()) - before).toBeLessThanOrEqual(15);
    for (const stream of streams) stream[Symbol.dispose]();
    raw.disconnect();
  });

  it('reads no more results for a client that does not read, and continues when it does', async () => {
    for (let i = 0; i < 20; i++) await post();
    const { queue } = gateways[1];
    const read = queue.cameras.results.bind(queue.cameras);
    let reads = 0;
    let sent = 0;
    // The same page again and again: more than all buffers on the way can hold.
    Object.assign(queue.cameras, {
      results: async (...of: Parameters<typeof read>) => {
        reads += 1;
        const page = await read(of[0], of[1], '', of[3]);
        return page.map((frame) => ({ ...frame, cursor: String(++sent) }));
      },
    });
    using raw = await openRaw(gateways[1].port);
    raw.socket.pause();
    await raw.send('GET /cameras/gate-1/events?after=start HTTP/1.1\r\nHost: localhost\r\n\r\n');
    // It stops reading when the kernel's buffers are full, and continues when its client does.
    let before = -1;
    await expect
      .poll(
        () => {
          const same = reads === before && reads > 1;
          before = reads;
          return same;
        },
        { interval: 500, timeout: 30_000 },
      )
      .toBe(true);
    raw.socket.resume();
    await expect.poll(() => reads).toBeGreaterThan(before);
  });
});
