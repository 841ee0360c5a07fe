import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Deadline } from './deadline.ts';
import { countedSignal } from './testing/counted-signal.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const never = new Promise<never>(() => {});

describe('a deadline', () => {
  it('aborts when time is up, with a reason made at that moment', async () => {
    const onTimeout = vi.fn(() => 'late');
    using deadline = new Deadline({ ms: 1000, onTimeout });
    await vi.advanceTimersByTimeAsync(999);
    expect(deadline.signal.aborted).toBe(false);
    expect(onTimeout).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(1);
    expect(deadline.signal.reason).toBe('late');
  });

  it('aborts with its parent, whose reason it passes on', () => {
    const { controller, signal } = countedSignal();
    using deadline = new Deadline({ ms: 1000, onTimeout: () => 'late', parent: signal });
    controller.abort('not wanted');
    expect(deadline.signal.reason).toBe('not wanted');
  });

  it('is aborted from the start when its parent is', () => {
    using deadline = new Deadline({ ms: 1000, onTimeout: () => 'late', parent: AbortSignal.abort('not wanted') });
    expect(deadline.signal.reason).toBe('not wanted');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('starts again at each restart, and stops while paused', async () => {
    using deadline = new Deadline({ ms: 1000, onTimeout: () => 'silent' });
    await vi.advanceTimersByTimeAsync(900);
    deadline.restart();
    await vi.advanceTimersByTimeAsync(900);
    deadline.pause();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(deadline.signal.aborted).toBe(false);
    deadline.restart();
    await vi.advanceTimersByTimeAsync(1000);
    expect(deadline.signal.reason).toBe('silent');
  });

  it('aborts when a phase takes too long, but not when the phase ends in time', async () => {
    using deadline = new Deadline({ ms: 1000, onTimeout: () => 'late' });
    deadline.phase(100, () => 'no headers')[Symbol.dispose]();
    await vi.advanceTimersByTimeAsync(500);
    expect(deadline.signal.aborted).toBe(false);
    deadline.phase(100, () => 'no body');
    await vi.advanceTimersByTimeAsync(100);
    expect(deadline.signal.reason).toBe('no body');
  });

  it('ends a race with work that ignores the signal', async () => {
    using deadline = new Deadline({ ms: 1000, onTimeout: () => new Error('late') });
    expect(await deadline.race(Promise.resolve(1))).toBe(1);
    const race = expect(deadline.race(never)).rejects.toThrow('late');
    await vi.advanceTimersByTimeAsync(1000);
    await race;
    await expect(deadline.race(never)).rejects.toThrow('late');
  });

  it('of infinite time does not abort by itself', async () => {
    using deadline = new Deadline({ ms: Number.POSITIVE_INFINITY, onTimeout: () => 'late' });
    await vi.advanceTimersByTimeAsync(60 * 86_400_000);
    expect(deadline.signal.aborted).toBe(false);
  });

  it('leaves no timer and no listener once it is disposed', () => {
    const { signal, listeners } = countedSignal();
    const deadline = new Deadline({ ms: 1000, onTimeout: () => 'late', parent: signal });
    deadline.dispose();
    expect(vi.getTimerCount()).toBe(0);
    expect(listeners()).toBe(0);
  });
});
