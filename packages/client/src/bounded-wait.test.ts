import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { boundedWait } from './bounded-wait.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** What is left of a wait: timers, and listeners on its signal. */
const left = (signal: AbortSignal) => [vi.getTimerCount(), getEventListeners(signal, 'abort').length];

describe('a bounded wait', () => {
  it.each([1000, Number.POSITIVE_INFINITY])('of %s ms has the outcome of the work and leaves nothing', async (ms) => {
    const { signal } = new AbortController();
    expect(await boundedWait(Promise.resolve('made'), ms, signal)).toBe('made');
    const broken = new Error('broken');
    await expect(boundedWait(Promise.reject(broken), ms, signal)).rejects.toBe(broken);
    expect(left(signal)).toEqual([0, 0]);
  });

  it('is null when the work has not ended in time, and not before', async () => {
    const { signal } = new AbortController();
    const work = Promise.withResolvers<string>();
    const settled = vi.fn();
    const wait = boundedWait(work.promise, 1000, signal);
    void wait.then(settled);
    await vi.advanceTimersByTimeAsync(999);
    expect(settled).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(await wait).toBeNull();
    expect(left(signal)).toEqual([0, 0]);
  });

  it('ends with its signal, which may have aborted already', async () => {
    const abort = new AbortController();
    const reason = new Error('no longer needed');
    const wait = boundedWait(new Promise(() => {}), 1000, abort.signal);
    abort.abort(reason);
    await expect(wait).rejects.toBe(reason);
    await expect(boundedWait(new Promise(() => {}), 1000, abort.signal)).rejects.toBe(reason);
    expect(left(abort.signal)).toEqual([0, 0]);
  });
});
