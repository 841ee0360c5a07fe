/** What V8's small collections leave of things that came and went. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const CHURN = fileURLToPath(new URL('churn-process.ts', import.meta.url));

/** Puts a thing somewhere. @returns takes it out again */
export type Put = (thing: object) => () => void;

/**
 * In a process of its own, whose heap is too large for a full collection: puts 100 000 things of 1 kB in, eight of them at any time.
 * @param module that exports a `Put` by this name
 * @returns MB of heap in use afterwards
 */
export function heapAfterChurn(module: URL, name: string): number {
  const flags = ['--expose-gc', '--max-semi-space-size=1', '--initial-old-space-size=1024'];
  return Number(execFileSync(process.execPath, [...flags, CHURN, module.href, name], { encoding: 'utf8' }));
}
