import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EXIT_WINDOW_MS, MAX_EXITS, restartDelay } from './restart-policy.ts';

describe('restartDelay', () => {
  it('doubles with each exit and ends with the fifth within a minute', () => {
    const exits = [0, 1, 2, 3, 4].map((i) => i * 1000);
    expect(exits.map((_, i) => restartDelay(exits.slice(0, i + 1)))).toEqual([250, 500, 1000, 2000, null]);
  });

  it('counts exits of the last minute only', () => {
    const exits = [0, 1, 2, 3].map((i) => i * 1000);
    expect(restartDelay([...exits, 59_000])).toBeNull();
    expect(restartDelay([...exits, 61_000])).toBe(1000);
  });

  it('never ends while exits are rare, and stays short', () => {
    const gap = fc.integer({ min: Math.ceil(EXIT_WINDOW_MS / (MAX_EXITS - 1)), max: 10 * EXIT_WINDOW_MS });
    fc.assert(
      fc.property(fc.array(gap, { minLength: 1, maxLength: 50 }), (gaps) => {
        let time = 0;
        const exits = gaps.map((ms) => (time += ms));
        const wait = restartDelay(exits);
        expect(wait).not.toBeNull();
        expect(wait).toBeLessThanOrEqual(2000);
      }),
    );
  });

  it('depends on the last minute only', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1e6), { maxLength: 20 }), (old) => {
        const before = old.sort((a, b) => a - b);
        const later = 1e6 + EXIT_WINDOW_MS;
        expect(restartDelay([...before, later, later + 10])).toBe(restartDelay([later, later + 10]));
      }),
    );
  });
});
