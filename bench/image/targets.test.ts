import { describe, expect, it } from 'vitest';
import type { Figures } from './measure.ts';
import type { Row, RowKey } from './results.ts';
import { reached, targetsOf } from './targets.ts';

const row = (subject: string, rate: number, more: Partial<RowKey & Figures> = {}): Row => {
  const { picture = '1080p-1', form = 'raw', callers = 8, ...figures } = more;
  const nothing = { images: 1, p50: 0, p95: 0, p99: 0, cpu: {}, minor: {}, full: {}, resident: {} };
  const rounds = [{ ...nothing, rate, machine: { others: 0, steal: 0 }, ...figures }];
  return { subject, title: subject, picture, form, callers, rounds };
};
const figureOf = (rows: Row[], what: string) => targetsOf(rows, null).find((one) => one.what === what)!.figure;

describe('a target', () => {
  const target = { what: '', unit: '' };

  it('is reached at its bound and beyond', () => {
    expect([1.59, 1.6, 1.7].map((figure) => reached({ ...target, least: 1.6, figure }))).toEqual([false, true, true]);
    expect([23, 24, 25].map((figure) => reached({ ...target, most: 24, figure }))).toEqual([true, true, false]);
  });

  it('is neither reached nor missed without a bound or a figure', () => {
    expect(reached({ ...target, figure: 3 })).toBeNull();
    expect(reached({ ...target, least: 3 })).toBeNull();
  });
});

describe('the targets of a run', () => {
  it('have no figure where nothing was measured', () => {
    expect(targetsOf([], null).filter(({ figure }) => figure !== undefined)).toEqual([]);
  });

  it('compare the service at 8 callers with what has one image a process, and with 8 callers elsewhere', () => {
    const rows = [
      row('service', 30, { callers: 1 }),
      row('service', 60),
      row('service', 90, { callers: 64 }),
      row('lean', 100, { callers: null }),
      row('fastapi', 50, { callers: 1 }),
      row('fastapi', 40),
      row('fastapi', 80, { callers: 64 }),
    ];
    expect(figureOf(rows, '1080p, one face: to the lean bound')).toBeCloseTo(0.6);
    expect(figureOf(rows, '1080p, one face: to FastAPI')).toBeCloseTo(1.5);
    expect(figureOf(rows, "1080p, one face: to FastAPI's best")).toBeCloseTo(0.75);
    expect(figureOf(rows, '1080p, one face: to human')).toBeUndefined();
  });

  it('compare each picture and form with its own', () => {
    const rows = [
      row('service', 60),
      row('service', 30, { picture: '1080p-4' }),
      row('release', 20, { picture: '1080p-4' }),
      row('service', 57, { form: 'base64' }),
    ];
    expect(figureOf(rows, '4 faces: to release 0.1.0')).toBeCloseTo(1.5);
    expect(figureOf(rows, '14 faces: to release 0.1.0')).toBeUndefined();
    expect(figureOf(rows, 'base64: to raw')).toBeCloseTo(0.95);
  });

  it('measure the latency of one caller above that of the engine', () => {
    const rows = [
      row('service', 1, { callers: 1, p50: 34, p99: 60 }),
      row('pool', 1, { callers: 1, p50: 30, p99: 40 }),
      row('pool', 1, { p50: 300, p99: 400 }),
    ];
    expect(figureOf(rows, 'one caller: p50 above the engine')).toBe(4);
    expect(figureOf(rows, 'one caller: p99 above the engine')).toBe(20);
  });

  it('take memory where it is limited: that of the gateway under 64 callers, that of a worker with one engine from a run of its own', () => {
    const rows = [
      row('service', 1, { resident: { gateway: 150, serve: 80, engines: 410 } }),
      row('service', 1, { callers: 64, resident: { gateway: 190 } }),
    ];
    const small = { readySeconds: 1, images: 1, resident: {}, workerAndEngine: 340 };
    expect(figureOf(rows, 'gateway under 64 callers')).toBe(190);
    expect(figureOf(rows, '`serve`')).toBe(80);
    expect(targetsOf(rows, small).find(({ what }) => what === 'worker and one engine')!.figure).toBe(340);
  });
});
