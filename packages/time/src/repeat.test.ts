import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { repeat } from './repeat.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('repeated work', () => {
  it('begins after the interval, and again that long after each call has ended', async () => {
    const calls: PromiseWithResolvers<void>[] = [];
    using _ = repeat(() => {
      calls.push(Promise.withResolvers());
      return calls.at(-1)!.promise;
    }, 100);
    await vi.advanceTimersByTimeAsync(99);
    expect(calls).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(calls).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1000);
    expect(calls).toHaveLength(1);
    calls[0]!.resolve();
    await vi.advanceTimersByTimeAsync(100);
    expect(calls).toHaveLength(2);
  });

  it('ends when disposed, between calls and during one, and leaves no timer', async () => {
    const work = vi.fn(async () => {});
    const between = repeat(work, 100);
    await vi.advanceTimersByTimeAsync(100);
    between[Symbol.dispose]();
    const call = Promise.withResolvers<void>();
    const during = repeat(() => call.promise, 100);
    await vi.advanceTimersByTimeAsync(100);
    during[Symbol.dispose]();
    call.resolve();
    await vi.advanceTimersByTimeAsync(1000);
    expect(work).toHaveBeenCalledTimes(1);
    expect(vi.getTimerCount()).toBe(0);
  });
});
