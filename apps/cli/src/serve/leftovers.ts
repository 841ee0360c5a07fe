import type { ProcessRecord } from './home.ts';
import { endProcess } from './process-identity.ts';

/** Long enough for Redis to write what it has; the gateway and the worker have nobody to answer to any more. */
const GRACE_MS = 10_000;

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
