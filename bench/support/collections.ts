/**
 * Garbage collections of the processes of a service. This module is both the program that counts them and its reader: it is preloaded into
 * each Node process (`NODE_OPTIONS`), and writes what it has counted to a folder.
 *
 * Engines in a sandbox cannot write there: start the service with ENGINE_SANDBOX=off.
 */
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { constants, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

/** Collections of one process since its start. A full collection is one of the old generation; its steps in between are not counted. */
export interface CollectionCounts {
  minor: number;
  full: number;
  /** ms that the main thread stood still. */
  pausedMs: number;
  /** The longest pause since the start, ms. */
  longestMs: number;
}

/** How often a process writes its counts, when they have changed, ms. */
const EVERY_MS = 100;

/** The counts of the Node processes that are started with `nodeOptions`. Disposing it removes them. */
export class Collections implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'facequeue-collections-'));

  /** Value of `NODE_OPTIONS` for the processes to be counted. */
  get nodeOptions(): string {
    const module = new URL(import.meta.url);
    module.searchParams.set('folder', this.#folder);
    return `--import=${module}`;
  }

  /** Those of a process up to 0.1 s ago; zeros when it has written none. */
  of(pid: number): CollectionCounts {
    try {
      return JSON.parse(readFileSync(join(this.#folder, `${pid}.json`), 'utf8')) as CollectionCounts;
    } catch {
      return { minor: 0, full: 0, pausedMs: 0, longestMs: 0 };
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function countInto(folder: string): void {
  const counts: CollectionCounts = { minor: 0, full: 0, pausedMs: 0, longestMs: 0 };
  let changed = true;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const { duration, detail } = entry as PerformanceEntry & { detail: { kind: number } };
      const { kind } = detail;
      if (kind === constants.NODE_PERFORMANCE_GC_MINOR) counts.minor++;
      if (kind === constants.NODE_PERFORMANCE_GC_MAJOR) counts.full++;
      counts.pausedMs += duration;
      counts.longestMs = Math.max(counts.longestMs, duration);
      changed = true;
    }
  }).observe({ entryTypes: ['gc'] });
  const file = join(folder, `${process.pid}.json`);
  setInterval(() => {
    if (!changed) return;
    changed = false;
    try {
      // A reader never sees half a file.
      writeFileSync(`${file}.new`, JSON.stringify(counts));
      renameSync(`${file}.new`, file);
    } catch {
      // A process in a sandbox, or the bench has ended.
    }
  }, EVERY_MS).unref();
}

const folder = new URL(import.meta.url).searchParams.get('folder');
if (folder !== null && isMainThread) countInto(folder);
