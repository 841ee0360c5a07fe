import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { settlesInTime, withTimeout } from './timeout.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const never = new Promise<never>(() => {});
const late = () => new Error('late');

describe('withTimeout', () => {
  it('passes on an outcome in time, and leaves no timer', async () => {
    expect(await withTimeout(Promise.resolve(1), 1000, late)).toBe(1);
    await expect(withTimeout(Promise.reject(new Error('broken')), 1000, late)).rejects.toThrow('broken');
    expect(vi.getTimerCount()).toBe(0);
  });

  it('rejects when time is up', async () => {
    const bounded = expect(withTimeout(never, 1000, late)).rejects.toThrow('late');
    await vi.advanceTimersByTimeAsync(1000);
    await bounded;
  });

  it('ignores work that fails later', async () => {
    const { promise, reject } = Promise.withResolvers<void>();
    const bounded = expect(withTimeout(promise, 1000, late)).rejects.toThrow('late');
    await vi.advanceTimersByTimeAsync(1000);
    await bounded;
    reject(new Error('too late'));
    await vi.advanceTimersByTimeAsync(1);
  });
});

describe('settlesInTime', () => {
  it('says whether work settled in time, however it settled, and leaves no timer', async () => {
    expect(await settlesInTime(Promise.resolve(), 1000)).toBe(true);
    expect(await settlesInTime(Promise.reject(new Error('broken')), 1000)).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
    const unsettled = settlesInTime(never, 1000);
    await vi.advanceTimersByTimeAsync(1000);
    expect(await unsettled).toBe(false);
  });
});
