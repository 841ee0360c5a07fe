import { describe, expect, it } from 'vitest';
import { cachedFor } from './cached-for.ts';

describe('a cached answer', () => {
  it('is loaded once for concurrent callers, and again when it is too old', async () => {
    let now = 0;
    let loads = 0;
    const read = cachedFor(
      250,
      async () => ++loads,
      () => now,
    );
    expect(await Promise.all([read(), read(), read()])).toEqual([1, 1, 1]);
    now = 249;
    expect(await read()).toBe(1);
    now = 250;
    expect(await Promise.all([read(), read()])).toEqual([2, 2]);
  });

  it('is not kept when loading failed', async () => {
    let fails = true;
    const read = cachedFor(250, async () => {
      if (fails) throw new Error('away');
      return 'here';
    });
    await expect(read()).rejects.toThrow('away');
    fails = false;
    expect(await read()).toBe('here');
  });
});
