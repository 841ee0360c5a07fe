import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { exponentialBackoff } from './backoff.ts';
import { Deadline } from './deadline.ts';
import { PollLoop } from './poll-loop.ts';
import { repeat } from './repeat.ts';
import { sleep } from './sleep.ts';
import { settlesInTime, withTimeout } from './timeout.ts';
import { MAX_TIMER_MS, startTimer } from './timer.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Up to about four months, with the border of one timer. */
const delays = fc.oneof(
  fc.integer({ min: 1, max: 5 * MAX_TIMER_MS }),
  fc.constantFrom(1, MAX_TIMER_MS - 1, MAX_TIMER_MS, MAX_TIMER_MS + 1, 2 * MAX_TIMER_MS, 2 * MAX_TIMER_MS + 1, 2 ** 32),
);
const never = new Promise<never>(() => {});
const DAYS_60 = 60 * 86_400_000;

describe('a timer', () => {
  it('calls once, after exactly its time, however long that is, and leaves nothing', () => {
    fc.assert(
      fc.property(delays, (ms) => {
        const call = vi.fn();
        startTimer(ms, call);
        vi.advanceTimersByTime(ms - 1);
        expect(call).not.toHaveBeenCalled();
        vi.advanceTimersByTime(1);
        expect(call).toHaveBeenCalledTimes(1);
        expect(vi.getTimerCount()).toBe(0);
      }),
    );
  });

  it('does not call once it is cleared, at any moment before its time', () => {
    fc.assert(
      fc.property(delays, fc.double({ min: 0, max: 0.999, noNaN: true }), (ms, share) => {
        const call = vi.fn();
        const timer = startTimer(ms, call);
        vi.advanceTimersByTime(Math.floor(share * ms));
        timer.clear();
        expect(vi.getTimerCount()).toBe(0);
        vi.advanceTimersByTime(ms);
        expect(call).not.toHaveBeenCalled();
      }),
    );
  });

  it('of a time that has passed calls as soon as possible, but not before it is returned', () => {
    const call = vi.fn();
    startTimer(-5, call);
    expect(call).not.toHaveBeenCalled();
    vi.advanceTimersByTime(0);
    expect(call).toHaveBeenCalledTimes(1);
  });

  it('of infinite time is none', () => {
    startTimer(Number.POSITIVE_INFINITY, vi.fn());
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a time of 60 days', () => {
  it.each<[what: string, begin: (onEnd: () => void) => unknown]>([
    ['sleep', (end) => sleep(DAYS_60).then(end)],
    ['a deadline', (end) => new Deadline({ ms: DAYS_60, onTimeout: end })],
    [
      'a phase of a deadline',
      (end) => new Deadline({ ms: Number.POSITIVE_INFINITY, onTimeout: () => {} }).phase(DAYS_60, end),
    ],
    ['withTimeout', (end) => withTimeout(never, DAYS_60, () => new Error('late')).catch(end)],
    ['settlesInTime', (end) => settlesInTime(never, DAYS_60).then(end)],
    ['repeat', (end) => repeat(async () => end(), DAYS_60)],
  ])('of %s ends then, not before', async (_, begin) => {
    const onEnd = vi.fn();
    begin(onEnd);
    await vi.advanceTimersByTimeAsync(DAYS_60 - 1);
    expect(onEnd).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(onEnd).toHaveBeenCalledTimes(1);
  });

  it('between two polls of a loop passes between them', async () => {
    const take = vi.fn(async () => []);
    const loop = new PollLoop({ take, run: async () => {}, concurrency: 1, onError: () => {}, everyMs: DAYS_60 });
    await vi.advanceTimersByTimeAsync(DAYS_60 - 1);
    expect(take).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(take).toHaveBeenCalledTimes(2);
    await loop.close();
  });
});

describe('a time that is not a number', () => {
  const { NaN: none } = Number;
  it.each<[what: string, begin: () => unknown]>([
    ['startTimer', () => startTimer(none, () => {})],
    ['a deadline', () => new Deadline({ ms: none, onTimeout: () => {} })],
    [
      'a deadline whose parent has aborted',
      () => new Deadline({ ms: none, onTimeout: () => {}, parent: AbortSignal.abort() }),
    ],
    ['a phase of a deadline', () => new Deadline({ ms: 1, onTimeout: () => {} }).phase(none, () => {})],
    ['repeat', () => repeat(async () => {}, none)],
    [
      'a poll loop',
      () =>
        new PollLoop({ take: async () => [], run: async () => {}, concurrency: 1, onError: () => {}, everyMs: none }),
    ],
  ])('is refused by %s', (_, begin) => {
    expect(begin).toThrow(RangeError);
  });

  it.each<[what: string, begin: () => Promise<unknown>]>([
    ['sleep', () => sleep(none)],
    ['withTimeout', () => withTimeout(never, none, () => new Error('late'))],
    ['settlesInTime', () => settlesInTime(never, none)],
  ])('is refused by %s', async (_, begin) => {
    await expect(begin()).rejects.toThrow(RangeError);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('an interval of 0 or less', () => {
  it.each([0, -1, Number.NEGATIVE_INFINITY])('is refused: %d ms would never pause', (ms) => {
    expect(() => repeat(async () => {}, ms)).toThrow(RangeError);
    const options = { take: async () => [], run: async () => {}, concurrency: 1, onError: () => {}, everyMs: ms };
    expect(() => new PollLoop(options)).toThrow(RangeError);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('a back-off', () => {
  it.each([
    { firstMs: 0, maxMs: 10 },
    { firstMs: Number.NaN, maxMs: 10 },
    { firstMs: 1, maxMs: 0 },
    { firstMs: 1, maxMs: Number.POSITIVE_INFINITY },
    { firstMs: 1, maxMs: Number.NaN },
    { firstMs: 1, maxMs: 10, factor: 0.5 },
    { firstMs: 1, maxMs: 10, factor: Number.NaN },
    { firstMs: 1, maxMs: 10, jitter: 1.1 },
    { firstMs: 1, maxMs: 10, jitter: -0.1 },
    { firstMs: 1, maxMs: 10, jitter: Number.NaN },
  ])('of %o is refused', (options) => {
    expect(() => exponentialBackoff(options)).toThrow(RangeError);
  });
});
