import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEATHS_WINDOW_MS, MOST_DEATHS, restartDelay } from './restart-policy.ts';

describe('a service that dies', () => {
  it('is started again after waits that double, and given up at its fifth death within a minute', () => {
    const deaths = [0, 1, 2, 3, 4].map((i) => i * 1000);
    expect(deaths.map((_, i) => restartDelay(deaths.slice(0, i + 1)))).toEqual([250, 500, 1000, 2000, null]);
  });

  it('is never given up while its deaths are rare enough, and soon started again', () => {
    const gap = fc.integer({ min: Math.ceil(DEATHS_WINDOW_MS / (MOST_DEATHS - 1)), max: 10 * DEATHS_WINDOW_MS });
    fc.assert(
      fc.property(fc.array(gap, { minLength: 1, maxLength: 50 }), (gaps) => {
        let time = 0;
        const deaths = gaps.map((ms) => (time += ms));
        const wait = restartDelay(deaths);
        expect(wait).not.toBeNull();
        expect(wait).toBeLessThanOrEqual(2000);
      }),
    );
  });

  it('is judged by its last minute only', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1e6), { maxLength: 20 }), (old) => {
        const before = old.sort((a, b) => a - b);
        const later = 1e6 + DEATHS_WINDOW_MS;
        expect(restartDelay([...before, later, later + 10])).toBe(restartDelay([later, later + 10]));
      }),
    );
  });
});
