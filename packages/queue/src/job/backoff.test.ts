import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoffMs } from './backoff.ts';

const random = fc.double({ min: 0, max: 1, noNaN: true });

describe('back-off', () => {
  it('is at least half of base * 2^(attempt - 1), at most the whole, and never over the cap', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), random, (attempt, chance) => {
        const full = Math.min(30_000, 500 * 2 ** (attempt - 1));
        const ms = backoffMs(attempt, chance);
        expect(ms).toBeGreaterThanOrEqual(Math.floor(full / 2));
        expect(ms).toBeLessThanOrEqual(full);
      }),
    );
  });

  it('does not shrink with the attempts', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), random, (attempt, chance) => {
        expect(backoffMs(attempt + 1, chance)).toBeGreaterThanOrEqual(backoffMs(attempt, chance));
      }),
    );
  });
});
