import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatDuration,
  type Progress,
  progressBar,
  progressText,
  rateOf,
  type Sample,
  withSample,
} from './progress.ts';

const progress = (more: Partial<Progress> = {}): Progress => ({
  done: 1234,
  failed: 0,
  total: 5000,
  rate: 25.4,
  elapsedMs: 60_000,
  ...more,
});
const any = fc.record<Progress>({
  done: fc.nat(),
  failed: fc.nat(),
  total: fc.option(fc.nat()),
  rate: fc.double({ min: 0, max: 1e6, noNaN: true }),
  elapsedMs: fc.nat(),
});

describe('progress', () => {
  it('is formatted as text', () => {
    expect(progressText(progress())).toBe('1234/5000  24 %  25/s  2 min 29 s left');
    expect(progressText(progress({ failed: 3, rate: 0 }))).toBe('1234/5000  24 %  0.0/s  3 failed');
    expect(progressText(progress({ total: null, rate: 2.34 }))).toBe('1234 done  2.3/s');
    expect(progressText(progress({ done: 5000 }))).toBe('5000/5000  100 %  25/s  0 s left');
  });

  it('has a bar where there is room for one', () => {
    expect(progressBar(progress({ done: 2500 }), 56)).toBe('[#######       ]  2500/5000  50 %  25/s  1 min 39 s left');
    expect(progressBar(progress({ done: 2500 }), 200)).toContain(`[${'#'.repeat(20)}${' '.repeat(20)}]`);
    expect(progressBar(progress({ done: 2500 }), 30)).toBe('2500/5000  50 %  25/s  1 min 3');
    expect(progressBar(progress({ total: null }), 80)).toBe('1234 done  25/s');
  });

  it('never exceeds the width or 100 %', () => {
    fc.assert(
      fc.property(any, fc.nat(300), (one, width) => {
        const line = progressBar(one, width);
        expect(line.length).toBeLessThanOrEqual(width);
        const percent = /(\d+) %/.exec(progressText(one));
        if (percent) expect(Number(percent[1])).toBeLessThanOrEqual(100);
        expect(progressText(one)).toMatch(new RegExp(`^${one.done}\\b`));
      }),
    );
  });
});

describe('formatDuration', () => {
  it('uses at most two units', () => {
    expect([0, 1, 59_000, 59_001, 3_599_000, 3_600_000, 172_799_000, 172_800_000].map(formatDuration)).toEqual([
      '0 s',
      '1 s',
      '59 s',
      '1 min 0 s',
      '59 min 59 s',
      '1 h 0 min',
      '47 h 59 min',
      '2 d 0 h',
    ]);
  });
});

describe('rateOf', () => {
  const samplesOf = (all: Sample[]) => all.reduce<Sample[]>((kept, sample) => withSample(kept, sample), []);

  it('is the rate of the last half minute', () => {
    const slowThenFast = Array.from({ length: 121 }, (_, i) => ({
      at: i * 1000,
      done: i <= 60 ? i : 60 + (i - 60) * 10,
    }));
    expect(rateOf(samplesOf(slowThenFast))).toBe(10);
    expect(rateOf(samplesOf(slowThenFast.slice(0, 61)))).toBe(1);
    expect(rateOf(samplesOf([{ at: 5, done: 0 }]))).toBe(0);
  });

  it('lies between the rates that were measured, however rare the samples', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 60_000 }), fc.nat(1000)), { minLength: 2 }), (steps) => {
        let last: Sample = { at: 0, done: 0 };
        const all = steps.map(([ms, more]) => (last = { at: last.at + ms, done: last.done + more }));
        const kept = samplesOf(all);
        expect(kept.length).toBeGreaterThanOrEqual(2);
        expect(kept).toEqual(all.slice(-kept.length));
        const rates = steps.slice(1).map(([ms, more]) => (more / ms) * 1000);
        expect(rateOf(kept)).toBeGreaterThanOrEqual(Math.min(...rates) * (1 - 1e-9));
        expect(rateOf(kept)).toBeLessThanOrEqual(Math.max(...rates) * (1 + 1e-9));
      }),
    );
  });
});
