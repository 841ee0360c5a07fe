import { describe, expect, it } from 'vitest';
import type { Figures } from './measure.ts';
import { cpuRatio, medianOf, ownCpu, type Row, rateRatio } from './results.ts';

const figures = (more: Partial<Figures> = {}): Figures => ({
  images: 100,
  rate: 10,
  p50: 1,
  p95: 2,
  p99: 3,
  cpu: { engines: 20, caller: 1 },
  minor: {},
  full: { engines: 0.5 },
  resident: { engines: 400 },
  machine: { others: 0, steal: 0 },
  ...more,
});
const row = (...rounds: Figures[]): Row => ({
  subject: 'service',
  title: 'service',
  picture: '1080p-1',
  form: 'raw',
  callers: 8,
  rounds,
});

describe('the medians over rounds', () => {
  it('are those of each figure, of processes by role', () => {
    const median = medianOf([
      figures({ rate: 30, p99: 1, cpu: { engines: 5 } }),
      figures({ rate: 10, p99: 9, cpu: { engines: 7 } }),
      figures({ rate: 20, p99: 5, cpu: { engines: 6 } }),
    ]);
    expect(median).toMatchObject({ rate: 20, p99: 5, cpu: { engines: 6 }, full: { engines: 0.5 } });
  });
});

describe('the CPU time of a subject', () => {
  it('is that of all its processes, without that of the callers', () => {
    expect(ownCpu(figures({ cpu: { engines: 20, gateway: 2, caller: 7 } }))).toBe(22);
  });
});

describe('two rows', () => {
  // The second round ran on a slower machine: the medians of the rows are of different rounds.
  const a = row(figures({ rate: 60 }), figures({ rate: 20 }), figures({ rate: 40 }));
  const b = row(figures({ rate: 100 }), figures({ rate: 40 }), figures({ rate: 160 }));

  it('are compared within each round', () => {
    expect(rateRatio(a, b)).toBeCloseTo(0.5);
  });

  it('are compared by CPU time as by throughput: above 1 the first is cheaper', () => {
    const cheap = row(figures({ cpu: { engines: 10, caller: 50 } }));
    const dear = row(figures({ cpu: { engines: 20, caller: 1 } }));
    expect(cpuRatio(cheap, dear)).toBe(2);
  });
});
