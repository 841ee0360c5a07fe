/** How soon an installation must recover from a fault, and which recoveries of a run took longer. */
import type { InjectedFault } from './inject-fault.ts';
import { type FaultKind, victimOf } from './plan/faults.ts';

/** Seconds. */
interface Recovery {
  /** Until all active jobs of the victim have ended; null where the victim has no jobs of its own. */
  jobs: number | null;
  /** Until the first image of a new call. */
  next: number;
}

/** What docs/reliability.md promises, after the end of a fault that lasts. */
export const PROMISED: Readonly<Record<FaultKind, Recovery>> = {
  // An engine start.
  'kill engine': { jobs: 1, next: 1 },
  // Its locks expire; the other worker takes new jobs.
  'kill worker': { jobs: 7, next: 1 },
  'kill gateway': { jobs: null, next: 1 },
  // Its restart, and up to 1 s.
  'kill redis': { jobs: null, next: 2 },
  // It goes on where it was. The other engine takes new jobs, behind those that wait.
  'freeze engine': { jobs: 9, next: 2 },
  'freeze worker': { jobs: 7, next: 1 },
  'freeze gateway': { jobs: null, next: 1 },
  'freeze redis': { jobs: null, next: 1 },
  'cut gateway-redis': { jobs: null, next: 1 },
  'cut worker-redis': { jobs: null, next: 1 },
  'cut client-gateway': { jobs: null, next: 1 },
  'delay gateway-redis': { jobs: null, next: 1 },
  'delay worker-redis': { jobs: null, next: 1 },
  'delay client-gateway': { jobs: null, next: 1 },
  // A PING every 5 s, and 2 s for its answer.
  'hole gateway-redis': { jobs: null, next: 7 },
  'hole worker-redis': { jobs: null, next: 7 },
  // The time-outs of the client.
  'hole client-gateway': { jobs: null, next: 25 },
  // Retry-After.
  'full redis': { jobs: null, next: 2 },
  'restart gateway': { jobs: null, next: 1 },
  // It finishes what it has begun.
  'restart worker': { jobs: 5, next: 1 },
};

/** A slow machine, or one with other work, takes longer than promised. */
export const FACTOR = 3;
/** What is promised within a second or two may take this long, s. */
export const LEAST_S = 15;

/** Seconds that a recovery may take, beside the durations of the fault and of those that overlap it. */
export function bounds(kind: FaultKind): Recovery {
  const bound = (promised: number) => Math.max(LEAST_S, FACTOR * promised);
  const { jobs, next } = PROMISED[kind];
  return { jobs: jobs === null ? null : bound(jobs), next: bound(next) };
}

/**
 * One text for each recovery that took longer than its bound. Faults that overlap the promised recovery of another may delay it, each by its
 * own duration and promised recovery.
 */
export function lateRecoveries(injected: readonly InjectedFault[]): string[] {
  return injected.flatMap((one) => {
    const bound = bounds(one.fault.kind);
    const late = (measured: number | null, boundS: number | null, what: string, others: readonly InjectedFault[]) => {
      if (measured === null || boundS === null) return [];
      const mostMs = boundS * 1000 + one.fault.ms + delayMs(one, others);
      if (measured <= mostMs) return [];
      const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
      return `${one.fault.kind} ${one.fault.place + 1}: ${what} after ${seconds(measured)}, at most ${seconds(mostMs)} allowed`;
    };
    return [
      late(one.recoveryMs, bound.jobs, "the victim's jobs had ended", injected.filter(touchesJobs)),
      late(one.nextMs, bound.next, 'the next image of a new call came', injected),
    ].flat();
  });
}

/** What is between clients and gateways, and gateways, do not delay jobs that a worker has. */
const touchesJobs = ({ fault }: InjectedFault) => !victimOf(fault).includes('gateway');

const longest = ({ fault: { kind, ms } }: InjectedFault) =>
  ms + 1000 * Math.max(PROMISED[kind].jobs ?? 0, PROMISED[kind].next);

function delayMs(one: InjectedFault, others: readonly InjectedFault[]): number {
  return others
    .filter((other) => other !== one)
    .filter(
      (other) => other.startedAt < one.startedAt + longest(one) && one.startedAt < other.startedAt + longest(other),
    )
    .reduce((sum, other) => sum + longest(other), 0);
}
