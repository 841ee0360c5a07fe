/** Every process of the installation that has ever been seen: how much memory it took, and whether it is gone at the end. */
import { readFileSync } from 'node:fs';
import { type Role, roleOf } from '../../test/support/processes/process-role.ts';
import { allProcesses, descendants, type ProcessFacts } from '../../test/support/processes/process-table.ts';

const LOOK_EVERY_MS = 1000;

export interface Census extends Disposable {
  /** Most resident bytes of any process of each role. */
  readonly peaks: ReadonlyMap<Role, number>;
  look(): void;
  /** Those that were seen and still run. */
  left(): ProcessFacts[];
}

/** @param pid whose descendants are counted; an engine is seen with its worker, before that can die */
export function takeCensus(pid: number): Census {
  const peaks = new Map<Role, number>();
  const seen = new Map<number, ProcessFacts>();
  const look = () => {
    for (const one of descendants(pid)) {
      const role = roleOf(one.command);
      if (!role) continue;
      seen.set(one.pid, one);
      peaks.set(role, Math.max(peaks.get(role) ?? 0, peakBytes(one.pid)));
    }
  };
  const timer = setInterval(look, LOOK_EVERY_MS);
  return {
    peaks,
    look,
    // Another program may have the number by now.
    left: () => allProcesses().filter((one) => seen.get(one.pid)?.command === one.command),
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

/** Most resident memory a process has had, bytes; 0 when it has ended. */
function peakBytes(pid: number): number {
  try {
    return Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
