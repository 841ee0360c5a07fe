import { getEventListeners } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { bodyChunks, type ChunkLimits } from './body-chunks.ts';

const TIMEOUT_MS = 1000;
const IDLE_MS = 250;
const MEGABYTE = 1 << 20;

let request: PassThrough;
let stopping: AbortController;
/** Bytes of each chunk so far. */
let chunks: number[];
let tooLarge: Error;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  request = Object.assign(new PassThrough({ highWaterMark: 16 * MEGABYTE }), { headers: {} });
  stopping = new AbortController();
  chunks = [];
  tooLarge = new Error('too large');
});
const listeners = () => ['data', 'end', 'close', 'error'].map((event) => request.listenerCount(event));
let before: number[];
beforeEach(() => {
  before = listeners();
});
afterEach(() => {
  expect(listeners()).toEqual(before);
  expect(getEventListeners(stopping.signal, 'abort')).toEqual([]);
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

/**
 * Reads the body to its end.
 * @param handle what is done with each chunk before the next one is requested
 * @returns how it ended: null, or the error
 */
async function receive(more: Partial<ChunkLimits> = {}, handle = async () => {}): Promise<Error | null> {
  const limits = {
    cap: 64 * MEGABYTE,
    tooLarge: () => tooLarge,
    timeoutMs: TIMEOUT_MS,
    idleMs: IDLE_MS,
    signal: stopping.signal,
    ...more,
  };
  try {
    for await (const chunk of bodyChunks(request as unknown as IncomingMessage, {} as ServerResponse, limits)) {
      chunks.push(chunk.length);
      await handle();
    }
    return null;
  } catch (error) {
    return error as Error;
  }
}

const later = (ms: number) => vi.advanceTimersByTimeAsync(ms);
async function send(bytes: number): Promise<void> {
  request.write(Buffer.alloc(bytes));
  await later(0);
}
/** The chunks that are not empty. */
const received = () => chunks.filter((bytes) => bytes > 0);

describe('the time for a body in chunks', () => {
  it('begins again with each megabyte', async () => {
    const reading = receive();
    for (let i = 0; i < 4; i++) {
      await later(TIMEOUT_MS - 100);
      await send(MEGABYTE / 2);
      await send(MEGABYTE / 2);
    }
    request.end();
    expect(await reading).toBeNull();
    expect(received()).toEqual(Array(8).fill(MEGABYTE / 2));
  });

  it('does not begin again a byte before', async () => {
    const reading = receive();
    let ended = false;
    void reading.then(() => {
      ended = true;
    });
    await send(MEGABYTE);
    await later(TIMEOUT_MS - 100);
    await send(MEGABYTE - 1);
    await later(99);
    expect(ended).toBe(false);
    await later(2);
    expect(ended).toBe(true);
    expect(await reading).toMatchObject({
      code: 'request_timeout',
      message: expect.stringContaining('megabyte of the body, or the rest of it, did not arrive within 1000 ms'),
    });
  });

  it('does not begin again when little arrives now and then', async () => {
    const reading = receive();
    let ended = false;
    void reading.then(() => {
      ended = true;
    });
    for (let ms = 0; ms < TIMEOUT_MS; ms += 100) {
      expect(ended).toBe(false);
      await later(100);
      await send(1);
    }
    expect(await reading).toMatchObject({ code: 'request_timeout' });
  });

  it('does not pass while a chunk is handled, and nothing is read meanwhile', async () => {
    const gate = Promise.withResolvers<void>();
    const reading = receive({}, () => gate.promise);
    await send(1);
    await later(100 * TIMEOUT_MS);
    await send(2);
    expect(chunks).toEqual([1]);
    expect(request.isPaused()).toBe(true);
    gate.resolve();
    await later(0);
    request.end();
    expect(await reading).toBeNull();
    expect(chunks).toEqual([1, 2]);
  });

  it('has one empty chunk when nothing has arrived for a moment, and another after the next chunk', async () => {
    const reading = receive();
    await later(IDLE_MS - 1);
    expect(chunks).toEqual([]);
    await later(1);
    expect(chunks).toEqual([0]);
    await later(IDLE_MS);
    expect(chunks).toEqual([0]);
    await send(MEGABYTE);
    await later(IDLE_MS);
    expect(chunks).toEqual([0, MEGABYTE, 0]);
    request.end();
    expect(await reading).toBeNull();
  });
});

describe('a body in chunks', () => {
  it.each([
    ['at its cap is whole', 9, null],
    ['a byte above is refused', 8, 'too large'],
  ])('%s', async (_, cap, message) => {
    const reading = receive({ cap });
    await send(5);
    await send(4);
    if (message === null) request.end();
    expect((await reading)?.message ?? null).toBe(message);
  });

  it('that has ended or was cut off before it is asked for is so at once', async () => {
    request.end();
    request.resume();
    await later(0);
    await new Promise((resolve) => setImmediate(resolve));
    expect(request.readableEnded).toBe(true);
    before = listeners();
    expect(await receive()).toBeNull();
    expect(chunks).toEqual([]);
    request = Object.assign(new PassThrough(), { headers: {} });
    request.destroy();
    await new Promise((resolve) => setImmediate(resolve));
    before = listeners();
    expect(await receive()).toMatchObject({ name: 'ClientDisconnected' });
  });

  it('ends with an error when its client leaves', async () => {
    const reading = receive();
    await send(1);
    request.destroy();
    expect(await reading).toMatchObject({ name: 'ClientDisconnected' });
    expect(chunks).toEqual([1]);
    before = listeners();
  });

  it('ends as unavailable when the gateway stops, before a chunk or while one is awaited', async () => {
    const reading = receive();
    await send(1);
    stopping.abort();
    expect(await reading).toMatchObject({ code: 'unavailable' });
    expect(await receive()).toMatchObject({ code: 'unavailable' });
    expect(chunks).toEqual([1]);
  });
});
