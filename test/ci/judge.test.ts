import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Exceptions, problemsOf } from './exceptions.js';
import { filesToRerun, judge, MOST_RERUN } from './judge.js';
import type { Report, TestRecord } from './reporter.js';

const NONE: Exceptions = { unsteady: [], maySkip: [] };
const test = (name: string, state: TestRecord['state'], more: Partial<TestRecord> = {}): TestRecord => ({
  file: 'a.test.ts',
  name,
  state,
  note: null,
  retried: false,
  ...more,
});
const report = (tests: TestRecord[], more: Partial<Report> = {}): Report => ({
  tests,
  broken: [],
  unhandled: [],
  ...more,
});
const passing = report([test('adds', 'passed')]);
const failing = report([test('adds', 'failed'), test('subtracts', 'passed')]);
const listed: Exceptions = {
  ...NONE,
  unsteady: [{ test: 'a.test.ts > adds', reason: 'a clock', since: '2026-01-01' }],
};

describe('the outcome of a run of tests', () => {
  it('counts tests that passed', () => {
    expect(judge({ status: 0, report: passing }, null, NONE)).toMatchObject({ passed: 1, failed: 0, skipped: 0 });
  });

  it.each([
    ['a run without a report', { status: 0, report: null }, 'it ended without a report, exit status 0'],
    ['a run killed by a signal', { status: null, report: null }, 'it ended without a report, killed by a signal'],
    ['a run without a test', { status: 0, report: report([]) }, 'no test was found'],
    [
      'a failure that the report does not show',
      { status: 1, report: passing },
      'its tests passed, but it ended with exit status 1',
    ],
    ['an unhandled error', { status: 1, report: { ...passing, unhandled: ['oh'] } }, 'unhandled error: oh'],
    [
      'an unhandled error that did not change the exit status',
      { status: 0, report: { ...passing, unhandled: ['oh'] } },
      'unhandled error: oh',
    ],
    [
      'a failed hook',
      { status: 1, report: { ...passing, broken: [{ file: 'a.test.ts', message: 'oh' }] } },
      'failed outside its tests: a.test.ts: oh',
    ],
    ['a test that did not end', { status: 1, report: report([test('adds', 'pending')]) }, 'failed: a.test.ts > adds'],
    [
      'a test that passed when vitest tried it again',
      { status: 0, report: report([test('adds', 'passed', { retried: true })]) },
      'failed before it passed: a.test.ts > adds',
    ],
  ])('fails %s', (_, run, problem) => {
    const outcome = judge(run, null, NONE);
    expect(outcome.problems).toContain(problem);
    expect(outcome.failed).toBe(outcome.problems.length);
  });

  it('fails a test that passes alone, and lets it pass where it is listed as unsteady', () => {
    const [first, rerun] = [
      { status: 1, report: failing },
      { status: 0, report: passing },
    ];
    expect(judge(first, rerun, NONE)).toMatchObject({
      passed: 1,
      failed: 1,
      problems: ['failed, passed alone: a.test.ts > adds'],
    });
    expect(judge(first, rerun, listed)).toMatchObject({ passed: 2, failed: 0, problems: [] });
  });

  it('fails an unsteady test that fails alone, or was not run again', () => {
    const first = { status: 1, report: failing };
    expect(judge(first, first, listed)).toMatchObject({ failed: 1 });
    expect(judge(first, null, listed)).toMatchObject({ failed: 1 });
    const sameNames = report([test('adds', 'passed'), test('adds', 'failed')]);
    expect(judge(first, { status: 1, report: sameNames }, listed)).toMatchObject({ failed: 1 });
    expect(judge(first, { status: null, report: null }, listed)).toMatchObject({ failed: 1 });
  });

  it('fails an unhandled error of either run beside an unsteady test', () => {
    const unhandled = ['oh'];
    const [first, rerun] = [
      { status: 1, report: failing },
      { status: 0, report: passing },
    ];
    expect(judge({ ...first, report: { ...failing, unhandled } }, rerun, listed)).toMatchObject({ failed: 1 });
    expect(judge(first, { ...rerun, report: { ...passing, unhandled } }, listed)).toMatchObject({ failed: 1 });
  });

  it('lets only a listed test be skipped, with the listed reason', () => {
    const skipped = (note: string | null) => ({ status: 0, report: report([test('adds', 'skipped', { note })]) });
    const maySkip: Exceptions = { ...NONE, maySkip: [{ test: 'a.test.ts > adds', reason: 'no abacus' }] };
    expect(judge(skipped('no abacus'), null, maySkip)).toMatchObject({ failed: 0, skipped: 1 });
    expect(judge(skipped('no fingers'), null, maySkip)).toMatchObject({ failed: 1, skipped: 0 });
    expect(judge(skipped(null), null, maySkip)).toMatchObject({ failed: 1, skipped: 0 });
    expect(judge(skipped('no abacus'), null, NONE)).toMatchObject({ failed: 1, skipped: 0 });
  });

  it('fails an exception whose file ran without such a test, and no other', () => {
    const run = { status: 0, report: report([test('subtracts', 'passed')]) };
    expect(judge(run, null, listed).problems).toEqual([
      '.ci/exceptions.json names a test that does not exist: a.test.ts > adds',
    ]);
    const elsewhere = { ...NONE, unsteady: [{ ...listed.unsteady[0]!, test: 'b.test.ts > adds' }] };
    expect(judge(run, null, elsewhere)).toMatchObject({ failed: 0 });
  });

  it('runs files with failures again, each once, unless they are too many', () => {
    const failed = (files: number) =>
      report(
        [...Array(files).keys()].flatMap((i) => [
          test('adds', 'failed', { file: `${i}` }),
          test('subtracts', 'failed', { file: `${i}` }),
        ]),
      );
    expect(filesToRerun({ status: 1, report: failed(MOST_RERUN) })).toEqual(['0', '1', '2', '3']);
    expect(filesToRerun({ status: 1, report: failed(MOST_RERUN + 1) })).toEqual([]);
    expect(filesToRerun({ status: 1, report: report([], { broken: [{ file: 'a.test.ts', message: '' }] }) })).toEqual([
      'a.test.ts',
    ]);
    expect(filesToRerun({ status: 1, report: null })).toEqual([]);
  });
});

describe('an exception', () => {
  const NOW = new Date('2026-03-31T12:00:00Z');
  const ENTRY = { test: 'a.test.ts > adds', reason: 'a clock', since: '2026-03-30' };
  let root: string;
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'facequeue-exceptions-'));
    writeFileSync(join(root, 'a.test.ts'), '');
  });
  afterAll(() => rmSync(root, { recursive: true }));
  const problems = (change: Partial<typeof ENTRY>) =>
    problemsOf({ unsteady: [{ ...ENTRY, ...change }], maySkip: [] }, root, NOW);

  it('is accepted with a test, a reason and a day of the last month', () => {
    expect(problems({})).toEqual([]);
    expect(problems({ since: '2026-03-31' })).toEqual([]);
    expect(problems({ since: '2026-03-02' })).toEqual([]);
  });

  it.each([
    [{ since: '2026-02-28' }, 'unsteady for more than 30 days'],
    [{ since: '2026-04-01' }, 'not a past day'],
    [{ since: 'March' }, 'not a past day'],
    [{ since: '2026-3-30' }, 'not a past day'],
    [{ reason: '' }, 'it has no reason'],
    [{ test: 'a.test.ts' }, 'expected'],
    [{ test: 'b.test.ts > adds' }, 'there is no such file'],
  ])('is refused with %j', (change, problem) => {
    expect(problems(change)).toEqual([expect.stringContaining(problem)]);
  });
});
