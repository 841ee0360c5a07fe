import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Load } from './load.ts';

describe('the load of engines', () => {
  it('comes to what is held for long, and forgets what was', () => {
    const load = new Load(0);
    load.set(2, 0);
    expect(load.mean(15_000)).toBeCloseTo(2 * (1 - Math.exp(-1)));
    expect(load.mean(300_000)).toBeCloseTo(2);
    load.set(0, 300_000);
    expect(load.mean(315_000)).toBeCloseTo(2 * Math.exp(-1));
    expect(load.mean(600_000)).toBeCloseTo(0);
  });

  it('is the share of time in which an engine was busy, when it comes and goes quickly', () => {
    const load = new Load(0);
    for (let at = 0; at < 120_000; at += 100) {
      load.set(1, at);
      load.set(0, at + 25);
    }
    expect(load.mean(120_000)).toBeCloseTo(0.25, 2);
  });

  it('never leaves the range of what it was told, whatever the clock does', () => {
    const steps = fc.array(fc.tuple(fc.integer({ min: 0, max: 8 }), fc.integer({ min: -1000, max: 100_000 })));
    fc.assert(
      fc.property(steps, (all) => {
        const load = new Load(0);
        let now = 0;
        for (const [busy, ms] of all) {
          load.set(busy, now);
          now += ms;
          expect(load.mean(now)).toBeGreaterThanOrEqual(0);
          expect(load.mean(now)).toBeLessThanOrEqual(8);
        }
      }),
    );
  });
});
