/** The processes of the installation: their peak memory, and which ones still run at the end. */
import { type Role, roleOf } from '../../test/support/processes/process-role.ts';
import { allProcesses, descendants, type ProcessFacts, peakBytes } from '../../test/support/processes/process-table.ts';

const SAMPLE_EVERY_MS = 1000;

export interface ProcessCounts extends Disposable {
  /** Peak resident bytes of any process of each role. */
  readonly peaks: ReadonlyMap<Role, number>;
  sample(): void;
  /** Processes that were sampled and still run. */
  remaining(): ProcessFacts[];
}

/** @param pid whose descendants are sampled; an engine is sampled with its worker, before the worker can die */
export function countProcesses(pid: number): ProcessCounts {
  const peaks = new Map<Role, number>();
  const sampled = new Map<number, ProcessFacts>();
  const sample = () => {
    for (const one of descendants(pid)) {
      const role = roleOf(one.command);
      if (!role) continue;
      sampled.set(one.pid, one);
      peaks.set(role, Math.max(peaks.get(role) ?? 0, peakOf(one.pid)));
    }
  };
  const timer = setInterval(sample, SAMPLE_EVERY_MS);
  return {
    peaks,
    sample,
    // Another program may have the process id by now.
    remaining: () => allProcesses().filter((one) => sampled.get(one.pid)?.command === one.command),
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

/** Peak resident memory of a process, bytes; 0 when it has ended. */
function peakOf(pid: number): number {
  try {
    return peakBytes(pid);
  } catch {
    return 0;
  }
}
