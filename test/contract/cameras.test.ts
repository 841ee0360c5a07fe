/** Cameras through the client, over real HTTP and Redis, with a worker that finishes frames only when the test allows it. */
import { type CameraFrame, type CameraResource, type Client, createClient } from '@facequeue/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CANNED_OUTCOME, CANNED_RESULT, startCannedWorker, startTestGateway } from '../support/gateway/index.ts';
import { startRedis, type TestRedis } from '../support/redis/test-redis.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startRedis();
});
afterAll(() => redis?.stop());

const NAMES = Array.from({ length: 16 }, (_, i) => `camera-${i}`);
const image = { bytes: Uint8Array.of(255, 216, 255) };

/** A gateway, and a worker that finishes as many frames as `letWork` allows. */
async function startAll(env: Record<string, string> = {}) {
  await using stack = new AsyncDisposableStack();
  const gateway = stack.use(await startTestGateway(redis.url, env));
  let allowed = 0;
  let blocked: (() => void)[] = [];
  const worker = stack.use(
    await startCannedWorker(gateway, async () => {
      while (allowed === 0) await new Promise<void>((resolve) => blocked.push(resolve));
      allowed -= 1;
      return CANNED_OUTCOME;
    }),
  );
  const client = createClient({ baseUrl: gateway.url, retries: 0 });
  const letWork = (frames: number) => {
    allowed += frames;
    const woken = blocked;
    blocked = [];
    for (const wake of woken) wake();
  };
  // However a test ends, the worker finishes its frames.
  stack.defer(() => letWork(Number.POSITIVE_INFINITY));
  const kept = stack.move();
  return { client, worker, letWork, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

const total = (cameras: CameraResource[], of: (counts: CameraResource['counts']) => number) =>
  cameras.reduce((sum, { counts }) => sum + of(counts), 0);
const ended = (counts: CameraResource['counts']) =>
  counts.succeeded + counts.failed + counts.superseded + counts.expired + counts.canceled;

/** All cameras by name, once no frame is waiting or processing. */
async function settled(client: Client): Promise<CameraResource[]> {
  await expect
    .poll(async () => total(await client.cameras(), ({ waiting, processing }) => waiting + processing), {
      timeout: 30_000,
    })
    .toBe(0);
  return client.cameras();
}

describe('sixteen cameras and a slow worker', () => {
  it('share it equally although another camera floods it; every frame is accounted for', async () => {
    await using all = await startAll();
    const { client, letWork } = all;
    const FLOOD = 150;
    const FRAMES = 40;
    for (let frame = 0; frame < FRAMES; frame++) {
      // Each camera posts a frame in every step, in rotating order; then the worker finishes half as many.
      const names = NAMES.map((_, i) => NAMES[(frame * 5 + i) % NAMES.length]!);
      await Promise.all(names.map((name) => client.postFrame(name, image)));
      if (frame === 0) for (let i = 0; i < FLOOD; i++) await client.postFrame('flood', image, { keep: 'all' });
      const before = total(await client.cameras(), ({ succeeded }) => succeeded);
      letWork(8);
      await expect
        .poll(async () => total(await client.cameras(), ({ succeeded }) => succeeded), { timeout: 20_000 })
        .toBe(before + 8);
    }
    const cameras = await client.cameras();
    const shares = cameras.map(({ counts }) => counts.succeeded);
    const fair = (FRAMES * 8) / (NAMES.length + 1);
    expect(cameras.map(({ camera }) => camera)).toEqual([...NAMES, 'flood'].sort());
    expect(Math.min(...shares)).toBeGreaterThanOrEqual(fair * 0.8);
    expect(Math.max(...shares)).toBeLessThanOrEqual(fair * 1.2);

    letWork(Number.POSITIVE_INFINITY);
    for (const { camera, counts } of await settled(client)) {
      expect(counts.posted, camera).toBe(ended(counts));
      expect(counts, camera).toMatchObject(
        camera === 'flood'
          ? { posted: FLOOD, succeeded: FLOOD }
          : { posted: FRAMES, superseded: FRAMES - counts.succeeded },
      );
    }
  });

  it('start no frame older than max_age; older frames expire', async () => {
    await using all = await startAll();
    const { client, letWork } = all;
    const MAX_AGE = 0.5;
    const stop = new AbortController();
    const frames: CameraFrame[] = [];
    const following = NAMES.map(async (name) => {
      try {
        for await (const frame of client.frames(name, { after: 'start', signal: stop.signal })) frames.push(frame);
      } catch (error) {
        if (!stop.signal.aborted) throw error;
      }
    });
    for (let round = 0; round < 10; round++) {
      await Promise.all(NAMES.map((name) => client.postFrame(name, image, { keep: 'all', max_age: MAX_AGE })));
      letWork(8);
    }
    // The worker has as many frames as it can run; the rest age.
    await expect
      .poll(async () => total(await client.cameras(), ({ expired }) => expired), { timeout: 20_000 })
      .toBeGreaterThan(0);
    letWork(Number.POSITIVE_INFINITY);
    const cameras = await settled(client);
    expect(total(cameras, ({ posted }) => posted)).toBe(160);
    expect(total(cameras, ended)).toBe(160);
    const processed = total(cameras, ({ succeeded }) => succeeded);
    expect(total(cameras, ({ expired }) => expired)).toBe(160 - processed);
    // One event per result, each once.
    await expect.poll(() => frames.length, { timeout: 20_000 }).toBe(processed);
    stop.abort();
    await Promise.all(following);
    expect(new Set(frames.map(({ job }) => job)).size).toBe(processed);
    for (const { arrived_at, started_at } of frames)
      expect(Date.parse(started_at!) - Date.parse(arrived_at)).toBeLessThanOrEqual(MAX_AGE * 1000);
  });
});

describe('a camera', () => {
  it('reports each result with the time of its frame, and continues after the last one received', async () => {
    await using all = await startAll();
    const { client, letWork } = all;
    letWork(Number.POSITIVE_INFINITY);
    const times = ['2026-01-02T03:04:05.000Z', '2026-01-02T03:04:05.500Z', '2026-01-02T03:04:06.000Z'];
    const opened = Promise.withResolvers<void>();
    const reading = (async () => {
      for await (const frame of client.frames('gate-1', { onOpen: () => opened.resolve() })) return frame;
      return null;
    })();
    await opened.promise;
    for (const time of times) {
      const { id } = await client.postFrame('gate-1', image, { keep: 'all', frame_time: new Date(time) });
      await client.wait(id);
    }
    const first = (await reading)!;
    expect(first).toMatchObject({ camera: 'gate-1', frame_time: times[0], result: CANNED_RESULT });
    const rest: CameraFrame[] = [];
    for await (const frame of client.frames('gate-1', { after: first.cursor })) if (rest.push(frame) === 2) break;
    expect(rest.map(({ frame_time }) => frame_time)).toEqual(times.slice(1));
    expect(await client.camera('gate-1')).toMatchObject({ keep: 'all', counts: { posted: 3, succeeded: 3 } });
  });

  it('does not exist before its first frame', async () => {
    await using all = await startAll();
    await expect(all.client.camera('gate-1')).rejects.toMatchObject({ code: 'not_found' });
    await expect(all.client.postFrame('a b', image)).rejects.toMatchObject({ code: 'invalid_request' });
  });
});
