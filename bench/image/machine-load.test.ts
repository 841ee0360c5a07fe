import { describe, expect, it } from 'vitest';
import { describeLoad, parseCpuTimes, sharesOf } from './machine-load.ts';

const STAT = 'cpu  100 20 30 400 50 6 7 80 90 0\ncpu0 1 2 3 4 5 6 7 8 9 0\nintr 12345\n';

describe('the CPU times of /proc/stat', () => {
  it('are those of all cores; waiting for disks is idle, time of guests is not counted twice', () => {
    expect(parseCpuTimes(STAT)).toEqual({ busy: 163, steal: 80, all: 693 });
  });

  it('give the shares of other processes and other machines', () => {
    const before = { busy: 100, steal: 10, all: 1000 };
    const after = { busy: 160, steal: 20, all: 1100 };
    // 40 of the 60 ticks are those of the measured processes.
    const { others, steal } = sharesOf(before, after, 400);
    expect(others).toBeCloseTo(0.2);
    expect(steal).toBeCloseTo(0.1);
  });

  it('never give a negative share: ticks of processes are counted less exactly', () => {
    expect(sharesOf({ busy: 0, steal: 0, all: 0 }, { busy: 10, steal: 0, all: 100 }, 200).others).toBe(0);
  });
});

describe('the load of a machine', () => {
  it('is quiet only while every measurement was undisturbed', () => {
    const quiet = { others: 0.01, steal: 0 };
    expect(describeLoad([quiet, quiet])).toMatch(/^Quiet machine/);
    expect(describeLoad([quiet, quiet, { others: 0.3, steal: 0 }])).toMatch(/^Busy machine.* 1 % \(at most 30 %\)/);
    expect(describeLoad([])).toMatch(/^Nothing was timed/);
    expect(describeLoad([quiet, { others: 0, steal: 0.3 }])).toMatch(/^Busy machine.* \(at most 30 %\)\. Trust/);
  });
});
