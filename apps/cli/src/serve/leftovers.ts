import type { ProcessRecord } from './home.ts';
import { endProcess } from './process-identity.ts';

/** Time for active jobs to finish and for Redis to write its data, ms. No caller waits for an answer any more. */
const GRACE_MS = 5000;

/**
 * Stops the services of a `serve` that was killed, in the order of a normal stop.
 * @returns names of the services that were still running
 */
export async function endLeftovers(record: ProcessRecord): Promise<string[]> {
  const ended: string[] = [];
  for (const { name, process } of [...record.services].reverse()) {
    if (await endProcess(process, GRACE_MS)) ended.push(name);
  }
  return ended;
}
