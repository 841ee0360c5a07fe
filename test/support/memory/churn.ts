/** Measures the heap that V8's minor collections leave behind for short-lived objects. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const CHURN = fileURLToPath(new URL('churn-process.ts', import.meta.url));

/** Adds an object to the structure under test. @returns a function that removes it */
export type Put = (thing: object) => () => void;

/**
 * Adds 100 000 objects of 1 kB, eight at any time, in a process whose heap is too large for a full collection.
 * @param module exports a `Put` of this name
 * @returns MB of heap in use afterwards
 */
export function heapAfterChurn(module: URL, name: string): number {
  const flags = ['--expose-gc', '--max-semi-space-size=1', '--initial-old-space-size=1024'];
  return Number(execFileSync(process.execPath, [...flags, CHURN, module.href, name], { encoding: 'utf8' }));
}
