import { describe, expect, it } from 'vitest';
import { type FileRun, RunStats, settle } from './stats.ts';

const passed = (file: string, ms = 1): FileRun => ({ file, ms, failures: [] });
const failed = (file: string, message: string, test = 'b'): FileRun => ({
  file,
  ms: 1,
  failures: [{ test, message }],
});

describe('the table', () => {
  it('has the runs, the failed runs and the slowest run of each file, in the order given', () => {
    const stats = new RunStats(['z.test.ts', 'a.test.ts', 'never.test.ts']);
    for (const run of [passed('a.test.ts', 900), passed('z.test.ts', 1500), passed('a.test.ts', 40)]) stats.add(run);
    expect(stats.failed).toBe(false);
    expect(stats.toString()).toBe(`\
| file | runs | failed | slowest |
|---|---|---|---|
| z.test.ts | 1 | 0 | 1.5 s |
| a.test.ts | 2 | 0 | 0.9 s |
| never.test.ts | 0 | 0 | 0.0 s |`);
  });

  it('is followed by each failing test, how often it failed, and its first failure', () => {
    const stats = new RunStats(['a.test.ts']);
    const both = {
      ...failed('a.test.ts', 'second'),
      failures: ['b', 'c'].map((test) => ({ test, message: 'second' })),
    };
    for (const run of [passed('a.test.ts'), failed('a.test.ts', 'first'), both]) stats.add(run);
    expect(stats.failed).toBe(true);
    const [row, ...rest] = stats.toString().split('\n').slice(2);
    expect(row).toBe('| a.test.ts | 3 | 2 | 0.0 s |');
    expect(rest.join('\n')).toBe(`
a.test.ts > b: failed in 2 of 3 runs, first with:
first

a.test.ts > c: failed in 1 of 3 runs, first with:
second`);
  });
});

describe('a round', () => {
  it('counts what vitest reported when it ended well', () => {
    const runs = [passed('a'), passed('b')];
    expect(settle(['a', 'b'], runs, [], 'status 0')).toEqual(runs);
  });

  it('fails a file that vitest did not report', () => {
    expect(settle(['a', 'b'], [passed('a')], [], 'SIGKILL')).toEqual([
      passed('a'),
      { file: 'b', ms: 0, failures: [{ test: 'the run', message: 'vitest ended with SIGKILL before it' }] },
    ]);
  });

  it('fails every file when vitest failed without naming a failure', () => {
    const runs = settle(['a', 'b'], [passed('a'), passed('b')], [], 'status 1');
    expect(runs.map(({ failures }) => failures)).toEqual(
      Array(2).fill([{ test: 'the run', message: 'vitest ended with status 1 and named no failure' }]),
    );
  });

  it('blames an error outside any test on its file, and on all files where that is unknown', () => {
    const outside = [
      { file: 'b', message: 'rejected' },
      { file: null, message: 'lost' },
    ];
    const own = (message: string) => ({ test: 'outside its tests', message });
    expect(settle(['a', 'b'], [passed('a'), failed('b', 'red')], outside, 'status 1')).toMatchObject([
      { failures: [own('lost')] },
      { failures: [{ test: 'b', message: 'red' }, own('rejected'), own('lost')] },
    ]);
  });
});
