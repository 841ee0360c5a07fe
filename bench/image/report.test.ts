import { describe, expect, it } from 'vitest';
import type { Figures } from './measure.ts';
import { caseTable, figure, table, targetsTable } from './report.ts';
import type { Row } from './results.ts';

const row = (subject: string, rate: number, more: Partial<Row & Figures> = {}): Row => {
  const { callers = null, ...figures } = more;
  const nothing = { images: 1, p50: 10, p95: 20, p99: 30, cpu: { loops: 20 }, minor: {}, full: {}, resident: {} };
  const rounds = [{ ...nothing, rate, machine: { others: 0, steal: 0 }, ...figures }];
  return { subject, title: subject, picture: '1080p-1', form: 'raw', callers, rounds };
};

describe('a figure', () => {
  it('has as many digits as one reads', () => {
    expect([0, 0.0123, 0.456, -0.5, 7.89, 45.67, 123.4].map(figure)).toEqual([
      '0',
      '0.012',
      '0.46',
      '-0.50',
      '7.9',
      '45.7',
      '123',
    ]);
    expect([undefined, Number.NaN].map(figure)).toEqual(['', '']);
  });
});

describe('a table', () => {
  it('is Markdown', () => {
    expect(table(['a', 'b'], [['1', '2']])).toBe('| a | b |\n|---|---|\n| 1 | 2 |');
  });

  it('of a case compares each row with the lean bound, and leaves the callers out of the CPU time and memory', () => {
    const service = row('service', 50, {
      callers: 8,
      cpu: { gateway: 5, engines: 20, caller: 9 },
      full: { engines: 0.5 },
      resident: { gateway: 150, caller: 999 },
    });
    const lines = caseTable([row('lean', 100), service]).split('\n');
    expect(lines[2]).toMatch(/^\| lean \| {2}\| 100 \| 1\.0 \| 1\.0 \| 10\.0 \| 20\.0 \| 30\.0 \| 20\.0 \|/);
    expect(lines[3]).toMatch(
      /^\| service \| 8 \| 50\.0 \| 0\.50 \| 0\.80 \|.*\| 25\.0 \| gateway 5\.0, engines 20\.0 \| 0\.50 \|/,
    );
    expect(lines[3]).toMatch(/\| 150 \|$/);
  });

  it('of targets says which are met, and how many were not measured', () => {
    const lines = targetsTable([
      { what: 'a', least: 2, unit: 'times', figure: 3, byCpu: 2.5 },
      { what: 'b', most: 2, unit: 'MB', figure: 3 },
      { what: 'c', unit: 'times', figure: 3 },
      { what: 'd', least: 2, unit: 'times' },
    ]).split('\n');
    expect(lines.slice(2)).toEqual([
      '| a | >= 2 times | 3.0 | yes | 2.5 |',
      '| b | <= 2 MB | 3.0 | no |  |',
      '| c | (times) | 3.0 |  |  |',
      '',
      'Not measured in this run: 1 more.',
    ]);
  });
});
