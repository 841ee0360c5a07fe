import type { ProcessRecord } from './home.ts';
import { endProcess } from './process-identity.ts';

/** Jobs in hand may end and Redis may write what it has; nobody waits for an answer any more. */
const GRACE_MS = 5000;

/**
 * Ends what a `serve` left behind that was killed itself, in the order in which it would have been stopped.
 * @returns names of the services that still ran
 */
export async function endLeftovers(record: ProcessRecord): Promise<string[]> {
  const ended: string[] = [];
  for (const { name, process } of [...record.services].reverse()) {
    if (await endProcess(process, GRACE_MS)) ended.push(name);
  }
  return ended;
}
