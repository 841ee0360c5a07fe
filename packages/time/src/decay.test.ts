import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DecayedCount, DecayedMean, decay, decayedRate } from './decay.ts';

const TAU_MS = 15_000;
const ages = fc.integer({ min: 0, max: 1_000_000 });

describe('a decayed rate', () => {
  const after = ({ count, at }: DecayedCount, now: number) => ({ count: count * decay(now - at, TAU_MS) + 1, at: now });

  it('approaches the rate of evenly spaced events', () => {
    fc.assert(
      fc.property(fc.integer({ min: 10, max: 1000 }), (everyMs) => {
        let counted: DecayedCount = { count: 0, at: 0 };
        for (let now = 0; now <= 10 * TAU_MS; now += everyMs) counted = after(counted, now);
        const ratio = (decayedRate(counted, counted.at, TAU_MS) * everyMs) / 1000;
        expect(ratio).toBeGreaterThan(0.95);
        expect(ratio).toBeLessThan(1.05);
      }),
      { numRuns: 20 },
    );
  });

  it('falls towards zero while nothing happens', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1e6, noNaN: true }), ages, ages, (count, earlier, more) => {
        const rate = (age: number) => decayedRate({ count, at: 0 }, age, TAU_MS);
        expect(rate(earlier + more)).toBeLessThanOrEqual(rate(earlier));
        expect(rate(1e9)).toBe(0);
      }),
    );
  });

  it('does not grow when the clock goes back', () => {
    expect(decayedRate({ count: 15, at: 60_000 }, 0, TAU_MS)).toBe(
      decayedRate({ count: 15, at: 60_000 }, 60_000, TAU_MS),
    );
  });
});

describe('a decayed mean', () => {
  it('approaches a level that lasts, and forgets the previous one', () => {
    const busy = new DecayedMean(TAU_MS, 0);
    busy.set(2, 0);
    expect(busy.mean(15_000)).toBeCloseTo(2 * (1 - Math.exp(-1)));
    expect(busy.mean(300_000)).toBeCloseTo(2);
    busy.set(0, 300_000);
    expect(busy.mean(315_000)).toBeCloseTo(2 * Math.exp(-1));
    expect(busy.mean(600_000)).toBeCloseTo(0);
  });

  it('is the share of time spent at a level that changes quickly', () => {
    const busy = new DecayedMean(TAU_MS, 0);
    for (let at = 0; at < 120_000; at += 100) {
      busy.set(1, at);
      busy.set(0, at + 25);
    }
    expect(busy.mean(120_000)).toBeCloseTo(0.25, 2);
  });

  it('stays within the range of the levels, whatever the clock does', () => {
    const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 8 }), fc.integer({ min: -1000, max: 100_000 })));
    fc.assert(
      fc.property(steps, (all) => {
        const busy = new DecayedMean(TAU_MS, 0);
        let now = 0;
        for (const [level, ms] of all) {
          busy.set(level, now);
          now += ms;
          expect(busy.mean(now)).toBeGreaterThanOrEqual(0);
          expect(busy.mean(now)).toBeLessThanOrEqual(8);
        }
      }),
    );
  });
});
