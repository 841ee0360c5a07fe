/** Clients that stop reading: what the gateway keeps for them, until when, and who is served meanwhile. */
import { Socket } from 'node:net';
import type { ClaimedJob, Outcome } from '@facequeue/queue';
import type { BatchResource } from '@facequeue/schema';
import { encodeResult } from '@facequeue/schema/result-codec';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { openRaw } from '../../../../test/support/clients/raw-http.ts';
import {
  CANNED_OUTCOME,
  CANNED_RESULT,
  type CannedWorker,
  startCannedWorker,
  startTestGateway,
  type TestGateway,
} from '../../../../test/support/gateway/index.ts';
import { startRedis, type TestRedis } from '../../../../test/support/redis/test-redis.ts';
import { NOTHING, watchRetained } from '../http/testing/retained.ts';

/** A minute longer than the longest wait: when a connection without traffic is cut, ms. */
const IDLE_MS = 120_000;
/** When the reader of a camera is cut, ms. */
const STALLED_MS = 30_000;
/** What the time is that `hastened` names. */
const SOON_MS = 200;

let retained: ReturnType<typeof watchRetained>;
let hastened: number | null = null;
let redis: TestRedis;
let gateway: TestGateway;
let worker: CannedWorker;
let answer: (job: ClaimedJob) => Outcome = () => CANNED_OUTCOME;
let largeJob: string;
let batch: string;

const IMAGE = { 'content-type': 'image/png' };

beforeAll(async () => {
  retained = watchRetained((ms) => (ms === hastened ? SOON_MS : ms));
  const { setTimeout } = Socket.prototype;
  vi.spyOn(Socket.prototype, 'setTimeout').mockImplementation(function (this: Socket, ms, act) {
    return setTimeout.call(this, ms === hastened ? SOON_MS : ms, act);
  });
  redis = await startRedis();
  gateway = await startTestGateway(redis.url);
  worker = await startCannedWorker(gateway, (job) => answer(job));

  // Some 10 MB of JSON: the sockets buffer half of it at most.
  const faces = Array.from({ length: 4000 }, () => CANNED_RESULT.Faces[0]!);
  answer = () => ({ ...CANNED_OUTCOME, result: encodeResult({ ...CANNED_RESULT, Faces: faces }) }) as Outcome;
  const detected = await fetch(`${gateway.url}/face_detection`, { method: 'POST', headers: IMAGE, body: 'image' });
  await detected.arrayBuffer();
  largeJob = detected.headers.get('x-job-id')!;
  answer = () => CANNED_OUTCOME;

  const body = '{"img":"YWJj"}\n'.repeat(16);
  const headers = { 'content-type': 'application/x-ndjson' };
  const made = await fetch(`${gateway.url}/batches`, { method: 'POST', headers, body });
  batch = ((await made.json()) as BatchResource).id;
  await (await fetch(`${gateway.url}/batches/${batch}/results?follow=true`)).text();
  for (let i = 0; i < 16; i++) {
    const posted = await fetch(`${gateway.url}/cameras/gate/frames?keep=all`, {
      method: 'POST',
      headers: IMAGE,
      body: 'image',
    });
    await (await fetch(`${gateway.url}/jobs/${posted.headers.get('x-job-id')}?wait=20`)).arrayBuffer();
  }
});
afterAll(async () => {
  await worker?.close();
  await gateway?.close();
  vi.restoreAllMocks();
  await redis?.stop();
});
afterEach(async () => {
  hastened = null;
  await expect.poll(() => retained(gateway), { timeout: 10_000 }).toEqual(NOTHING);
});

/** Asks for something and reads none of it. */
async function stalled(path: string) {
  const raw = await openRaw(gateway.port);
  raw.socket.pause();
  await raw.send(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  return raw;
}

/** Lets pages of results come without end, more than all buffers on the way can hold. */
function endless() {
  const { batches, cameras } = gateway.queue;
  const [ofBatch, ofCamera] = [batches.results.bind(batches), cameras.results.bind(cameras)];
  let pages = 0;
  let sent = 0;
  const again = <T extends { cursor: string }>(page: readonly T[]): T[] => {
    pages += 1;
    return page.map((one) => ({ ...one, cursor: String(++sent) }));
  };
  const spies = [
    vi.spyOn(batches, 'results').mockImplementation(async (id, _, max) => again(await ofBatch(id, '', max))),
    vi
      .spyOn(cameras, 'results')
      .mockImplementation(async (owner, camera, _, max) => again(await ofCamera(owner, camera, '', max))),
  ];
  return {
    /** Pages read so far. */
    pages: () => pages,
    [Symbol.dispose]: () => {
      for (const spy of spies) spy.mockRestore();
    },
  };
}

/** Resolves when `count` has not changed for half a second, in steps: a process that was stopped so long itself sees one step. */
async function settled(count: () => number): Promise<number> {
  let before = -1;
  let unchanged = 0;
  const steps = () => {
    unchanged = count() > 0 && count() === before ? unchanged + 1 : 0;
    before = count();
    return unchanged;
  };
  await expect.poll(steps, { interval: 125, timeout: 30_000 }).toBeGreaterThanOrEqual(4);
  return before;
}

/** What is read, where, and the time after which its reader is cut. */
const endlessly: [string, () => string, number][] = [
  ['the results of a batch', () => `/batches/${batch}/results`, IDLE_MS],
  ['the results of a batch that is followed', () => `/batches/${batch}/results?follow=true`, IDLE_MS],
  ['the events of a camera', () => '/cameras/gate/events?after=start', STALLED_MS],
];
const large: [string, () => string][] = [
  ['a job', () => `/jobs/${largeJob}`],
  ['a job waited for', () => `/jobs/${largeJob}?wait=60`],
  ['the events of a job', () => `/jobs/${largeJob}/events`],
];

describe('a client that stops reading', () => {
  it.each(endlessly)(
    '%s is disconnected after the time it has, and nothing is read for it meanwhile',
    async (_, path, time) => {
      using all = endless();
      using raw = await stalled(path());
      const read = await settled(all.pages);
      await expect.poll(() => retained(gateway).entries).toBeGreaterThan(0);
      raw.socket.destroy();
      await expect.poll(() => retained(gateway), { timeout: 10_000 }).toEqual(NOTHING);
      expect(all.pages()).toBe(read);

      hastened = time;
      using again = await stalled(path());
      await expect.poll(() => retained(gateway).entries, { timeout: 10_000 }).toBeGreaterThan(0);
      await expect.poll(() => retained(gateway), { timeout: 10_000 }).toEqual(NOTHING);
      again.socket.resume();
      expect(await again.rest()).not.toMatch(/\r\n0\r\n\r\n$/);
    },
  );

  it.each(large)('%s is disconnected after the time it has; the job is not waited for meanwhile', async (_, path) => {
    {
      using _raw = await stalled(path());
      await expect.poll(() => retained(gateway), { timeout: 10_000 }).toEqual({ ...NOTHING, entries: 1 });
    }
    await expect.poll(() => retained(gateway), { timeout: 10_000 }).toEqual(NOTHING);
    hastened = IDLE_MS;
    using raw = await stalled(path());
    await expect.poll(() => retained(gateway).entries, { timeout: 10_000 }).toBe(1);
    await expect.poll(() => retained(gateway), { timeout: 10_000 }).toEqual(NOTHING);
    raw.socket.resume();
    expect((await raw.rest()).length).toBeLessThan(10e6);
  });

  it('keeps nobody else from being served, and takes no connection of Redis', async () => {
    using all = endless();
    const redisClients = async () => {
      const client = new Redis(redis.url);
      const list = String(await client.client('LIST'));
      client.disconnect();
      return list.trim().split('\n').length;
    };
    const before = await redisClients();
    using stack = new DisposableStack();
    for (const [, path] of [...endlessly, ...large]) {
      for (let i = 0; i < 2; i++) stack.use(await stalled(path()));
    }
    await settled(all.pages);
    expect(await redisClients()).toBe(before);
    const response = await fetch(`${gateway.url}/face_detection`, { method: 'POST', headers: IMAGE, body: 'image' });
    expect(await response.json()).toEqual(CANNED_RESULT);
    for (const [, path] of endlessly) {
      const disconnect = new AbortController();
      const reader = (await fetch(gateway.url + path(), { signal: disconnect.signal })).body!.getReader();
      let bytes = 0;
      while (bytes < 8e6) bytes += (await reader.read()).value!.length;
      disconnect.abort();
    }
    for (const [, path] of large)
      expect((await (await fetch(gateway.url + path())).text()).length).toBeGreaterThan(7e6);
  });
});
