import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { sleep } from './sleep.ts';
import { countedSignal } from './testing/counted-signal.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('sleep', () => {
  it('resolves after its time, and leaves no listener on the signal', async () => {
    const { signal, listeners } = countedSignal();
    const woken = vi.fn();
    const sleeping = sleep(1000, signal).then(woken);
    await vi.advanceTimersByTimeAsync(999);
    expect(woken).not.toHaveBeenCalled();
    expect(listeners()).toBe(1);
    await vi.advanceTimersByTimeAsync(1);
    await sleeping;
    expect(listeners()).toBe(0);
  });

  it('rejects with the reason of the signal, and leaves no timer', async () => {
    const { controller, signal } = countedSignal();
    const sleeping = sleep(1000, signal);
    controller.abort(new Error('stopping'));
    await expect(sleeping).rejects.toThrow('stopping');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('does not start when the signal is already aborted', async () => {
    await expect(sleep(1000, AbortSignal.abort(new Error('stopping')))).rejects.toThrow('stopping');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('without end lasts until the signal aborts', async () => {
    const { controller, signal } = countedSignal();
    const ended = vi.fn();
    const sleeping = sleep(Number.POSITIVE_INFINITY, signal).catch(ended);
    await vi.advanceTimersByTimeAsync(60 * 86_400_000);
    expect(ended).not.toHaveBeenCalled();
    controller.abort(new Error('stopping'));
    await sleeping;
    expect(ended).toHaveBeenCalledTimes(1);
  });
});
