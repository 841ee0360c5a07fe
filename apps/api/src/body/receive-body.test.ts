import type { IncomingMessage, ServerResponse } from 'node:http';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { BodyMemory } from './body-memory.ts';
import { type ReceiveOptions, receiveBody } from './receive-body.ts';

const CAP = 10;
const LIMIT = 100;
const TIMEOUT_MS = 1000;
const PACE = { flow: 'shop', timeoutMs: TIMEOUT_MS, leastSpeed: 0 };

let request: PassThrough;
let memory: BodyMemory;
let before: number[];
const listeners = () => ['data', 'end', 'close', 'error'].map((event) => request.listenerCount(event));

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  request = Object.assign(new PassThrough(), { headers: {} });
  memory = new BodyMemory(LIMIT);
  before = listeners();
});
afterEach(() => {
  expect(memory.used).toBe(0);
  expect(listeners()).toEqual(before);
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

const receive = (more: Partial<ReceiveOptions>, use = async (body: Buffer) => body.toString()) =>
  receiveBody(
    request as unknown as IncomingMessage,
    {} as ServerResponse,
    { stated: null, cap: CAP, memory, pace: PACE, tooLarge: () => new Error('too large'), ...more },
    use,
  );
async function send(text: string): Promise<void> {
  request.write(text);
  await vi.advanceTimersByTimeAsync(0);
}

it('the bytes of a body are freed when it has been used, not before, and not when that failed: they may be on their way', async () => {
  const length = 3e6;
  const more = { stated: length, cap: length, memory: new BodyMemory(2 * length) };
  for (const failure of [null, new Error('no Redis')]) {
    request = Object.assign(new PassThrough(), { headers: {} });
    let received: Buffer | undefined;
    const receiving = receive(more, async (body) => {
      received = body;
      await Promise.resolve();
      expect(body).toHaveLength(length);
      if (failure) throw failure;
      return 'used';
    });
    // Attached before it fails.
    const settled = Promise.allSettled([receiving]);
    request.end(Buffer.alloc(length));
    await vi.advanceTimersByTimeAsync(0);
    expect(await settled).toMatchObject([{ status: failure ? 'rejected' : 'fulfilled' }]);
    expect(received).toHaveLength(failure ? length : 0);
    more.memory = new BodyMemory(2 * length);
  }
});

describe.each([
  ['of stated length', 8],
  ['in chunks', null],
])('a body %s', (_, stated) => {
  it('is passed on as a whole; its memory is free when that is done', async () => {
    const used: number[] = [];
    const receiving = receive({ stated }, async (body) => {
      used.push(memory.used);
      await Promise.resolve();
      used.push(memory.used);
      return body.toString();
    });
    expect(memory.used).toBe(0);
    await send('five ');
    expect(memory.used).toBe(5);
    await send('and');
    request.end();
    expect(await receiving).toBe('five and');
    expect(used).toEqual([8, 8]);
  });

  it('that does not arrive in time is given up, however much of it has', async () => {
    const receiving = receive({ stated });
    let error: Error | undefined;
    receiving.catch((caught) => {
      error = caught;
    });
    await vi.advanceTimersByTimeAsync(TIMEOUT_MS - 1);
    await send('five');
    expect(error).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(error).toMatchObject({ code: 'request_timeout', message: 'the body did not arrive within 1000 ms' });
    expect(request.isPaused()).toBe(true);
  });

  it('whose client leaves, now or before, ends with an error', async () => {
    const receiving = receive({ stated });
    await send('five');
    request.destroy();
    await expect(receiving).rejects.toMatchObject({ name: 'ClientDisconnected' });
    await expect(receive({ stated })).rejects.toMatchObject({ name: 'ClientDisconnected' });
    before = listeners();
  });

  it('that is larger is refused as soon as that shows, and not one as large', async () => {
    const largest = 'x'.repeat(stated ?? CAP);
    const receiving = receive({ stated });
    await send(largest);
    expect(memory.used).toBe(stated ?? CAP);
    request.write('x');
    await expect(receiving).rejects.toThrow('too large');
    request = Object.assign(new PassThrough(), { headers: {} });
    before = listeners();
    request.end(largest);
    expect(await receive({ stated })).toBe(largest);
  });

  it('frees its memory when what it is for fails', async () => {
    request.end('12345678');
    await expect(receive({ stated }, () => Promise.reject(new Error('planted')))).rejects.toThrow('planted');
  });

  it('is refused unread without memory for it', async () => {
    using other = memory.reserve('another', 0);
    other.resize(LIMIT - (stated ?? CAP) + 1);
    await expect(receive({ stated })).rejects.toMatchObject({
      code: 'queue_full',
      reason: 'bodies',
      retryAfterMs: 1000,
    });
    expect(request.readableFlowing).toBeNull();
  });

  it('is given up when its memory runs out while it arrives', async () => {
    const receiving = receive({ stated });
    await send('five ');
    using other = memory.reserve('another', 0);
    other.resize(LIMIT - 5);
    request.write('x');
    await expect(receiving).rejects.toMatchObject({ code: 'queue_full', reason: 'bodies' });
    expect(memory.used).toBe(LIMIT - 5);
  });
});

describe('the least speed', () => {
  const pace = { flow: 'shop', timeoutMs: 100_000, leastSpeed: 100 };
  const size = { cap: 5000, memory: new BodyMemory(10_000), pace };

  it('is over ten seconds: what arrives in bursts is in time, what drips is not', async () => {
    memory = size.memory;
    const receiving = receive({ stated: 5000, ...size });
    let error: unknown;
    receiving.catch((caught) => {
      error = caught;
    });
    for (let i = 0; i < 3; i++) {
      await vi.advanceTimersByTimeAsync(9000);
      await send('x'.repeat(1000));
    }
    for (let i = 0; i < 9; i++) {
      await vi.advanceTimersByTimeAsync(1000);
      await send('x');
    }
    expect(error).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1000);
    expect(error).toMatchObject({
      code: 'request_timeout',
      message: 'less than 1000 bytes of the body arrived in 10 s',
    });
  });

  it('holds for a client that sends nothing, and not for one that is done', async () => {
    memory = size.memory;
    request.end('done');
    expect(await receive({ stated: 4, ...size })).toBe('done');
    request = Object.assign(new PassThrough(), { headers: {} });
    before = listeners();
    const silent = receive({ stated: 4, ...size });
    silent.catch(() => {});
    await vi.advanceTimersByTimeAsync(10_000);
    await expect(silent).rejects.toMatchObject({ code: 'request_timeout' });
  });
});
