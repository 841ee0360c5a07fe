import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pauseBeforeRetry } from './retry.ts';

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('the pause before another try', () => {
  it('is never shorter than the service asks, and at most a quarter longer', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 0, max: 10_000 }), random, (attempt, asked, r) => {
        const pause = pauseBeforeRetry(attempt, asked, r)!;
        return pause >= asked && pause <= asked * 1.25;
      }),
    );
  });

  it('grows from half a second when the service names none', () => {
    expect([1, 2, 3, 4, 5].map((attempt) => pauseBeforeRetry(attempt, undefined, 0))).toEqual([
      500, 1000, 2000, 4000, 8000,
    ]);
  });

  it('is not made when it would be longer than ten seconds', () => {
    expect(pauseBeforeRetry(1, 10_001, 0)).toBeNull();
    expect(pauseBeforeRetry(6, undefined, 0)).toBeNull();
  });
});
