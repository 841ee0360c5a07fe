import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { exponentialBackoff, spread } from './backoff.ts';

const random = fc.double({ min: 0, max: 1, noNaN: true });
const failures = fc.integer({ min: 1, max: 5000 });
const options = fc.record({
  firstMs: fc.integer({ min: 1, max: 10_000 }),
  maxMs: fc.integer({ min: 1, max: 600_000 }),
  factor: fc.double({ min: 1, max: 10, noNaN: true }),
  jitter: random,
});

describe('exponential back-off', () => {
  it('doubles from the first delay to the longest', () => {
    const backoff = exponentialBackoff({ firstMs: 100, maxMs: 5000 });
    expect([1, 2, 3, 4, 5, 6, 7, 8].map((n) => backoff(n))).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000]);
  });

  it('lies between the full delay less jitter and the full delay, never over the longest', () => {
    fc.assert(
      fc.property(options, failures, random, (all, count, chance) => {
        const full = Math.min(all.maxMs, all.firstMs * all.factor ** (count - 1));
        const ms = exponentialBackoff(all)(count, chance);
        expect(ms).toBeGreaterThanOrEqual(Math.floor(full * (1 - all.jitter)));
        expect(ms).toBeLessThanOrEqual(Math.ceil(full));
        expect(ms).toBeLessThanOrEqual(all.maxMs);
        expect(Number.isInteger(ms)).toBe(true);
      }),
    );
  });

  it('does not shrink with further failures', () => {
    fc.assert(
      fc.property(options, failures, random, (all, count, chance) => {
        const backoff = exponentialBackoff(all);
        expect(backoff(count + 1, chance)).toBeGreaterThanOrEqual(backoff(count, chance));
      }),
    );
  });

  it('uses the whole range that jitter gives', () => {
    const backoff = exponentialBackoff({ firstMs: 1000, maxMs: 1000, jitter: 0.5 });
    expect([backoff(1, 0), backoff(1, 0.5), backoff(1, 1)]).toEqual([500, 750, 1000]);
  });
});

describe('a requested delay', () => {
  it('is never shorter than requested, and longer by at most the share', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e6 }), random, random, (ms, share, chance) => {
        expect(spread(ms, share, chance)).toBeGreaterThanOrEqual(ms);
        expect(spread(ms, share, chance)).toBeLessThanOrEqual(ms * (1 + share));
      }),
    );
  });
});
