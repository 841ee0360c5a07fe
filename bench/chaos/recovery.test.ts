import { describe, expect, it } from 'vitest';
import type { InjectedFault } from './inject-fault.ts';
import { FAULT_KINDS, type FaultKind } from './plan/faults.ts';
import { bounds, lateRecoveries, PROMISED } from './recovery.ts';

/** A fault that begins at second `at`. */
const fault = (
  kind: FaultKind,
  { at = 0, ms = 0, jobs = null as number | null, next = null as number | null } = {},
): InjectedFault => ({
  fault: { kind, place: 1, at: 0, ms, lateMs: 0, loses: false },
  startedAt: at * 1000,
  recoveryMs: jobs && jobs * 1000,
  nextMs: next && next * 1000,
});

describe('the bounds of a recovery', () => {
  it('are three times what is promised, and at least 15 s', () => {
    expect(bounds('kill worker')).toEqual({ jobs: 21, next: 15 });
    expect(bounds('hole worker-redis')).toEqual({ jobs: null, next: 21 });
    for (const kind of FAULT_KINDS) {
      const [promised, allowed] = [PROMISED[kind], bounds(kind)];
      expect(allowed.next).toBe(Math.max(15, 3 * promised.next));
      expect(allowed.jobs).toBe(promised.jobs && Math.max(15, 3 * promised.jobs));
    }
  });
});

describe('a run', () => {
  it('passes with the recoveries that are promised, and up to their bounds', () => {
    expect(lateRecoveries([])).toEqual([]);
    expect(lateRecoveries([fault('kill worker', { jobs: 7.3, next: 0.2 })])).toEqual([]);
    expect(lateRecoveries([fault('kill worker', { jobs: 21, next: 15 })])).toEqual([]);
    expect(lateRecoveries([fault('freeze redis', { ms: 9000, next: 24 })])).toEqual([]);
  });

  it('fails with the fault, the figure and the bound when a lock of 50 s delays the jobs of a dead worker', () => {
    expect(lateRecoveries([fault('kill engine', { at: 30, jobs: 1 }), fault('kill worker', { jobs: 50.3 })])).toEqual([
      "kill worker 2: the victim's jobs had ended after 50.3 s, at most 21.0 s allowed",
    ]);
  });

  it('fails when new calls wait too long', () => {
    expect(lateRecoveries([fault('kill redis', { ms: 2000, next: 17.1 })])).toEqual([
      'kill redis 2: the next image of a new call came after 17.1 s, at most 17.0 s allowed',
    ]);
  });

  it('adds the durations of faults that overlap the promised recovery, and of no others', () => {
    const killed = fault('kill worker', { at: 100, jobs: 25 });
    const redis = { ms: 2000 };
    expect(lateRecoveries([killed])).toHaveLength(1);
    // 2 s, and 2 s to recover.
    for (const at of [97, 100, 106])
      expect(lateRecoveries([killed, fault('kill redis', { ...redis, at })])).toEqual([]);
    for (const at of [95, 108]) expect(lateRecoveries([killed, fault('kill redis', { ...redis, at })])).toHaveLength(1);
    // Nothing between clients and gateways delays the jobs of a worker.
    for (const kind of ['hole client-gateway', 'freeze gateway', 'hole gateway-redis'] as const)
      expect(lateRecoveries([killed, fault(kind, { ms: 10_000, at: 101 })])).toHaveLength(1);
    expect(lateRecoveries([fault('kill engine', { next: 24 }), fault('freeze gateway', { ms: 9000 })])).toEqual([]);
  });

  it('is not judged by what could not be measured', () => {
    expect(lateRecoveries(FAULT_KINDS.map((kind) => fault(kind)))).toEqual([]);
  });
});
