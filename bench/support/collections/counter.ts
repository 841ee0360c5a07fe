/**
 * Preloaded into a process (`node --import`), it counts the garbage collections there: minor and full ones, two numbers at the beginning
 * of a file that has no name any more. `read.ts` finds it among the open files of the process.
 */
import { openSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { constants, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks';
import { FILE_PREFIX } from './file-prefix.ts';

const { NODE_PERFORMANCE_GC_MAJOR, NODE_PERFORMANCE_GC_MINOR } = constants;

const path = join(tmpdir(), `${FILE_PREFIX}${process.pid}`);
const file = openSync(path, 'w');
unlinkSync(path);

const counts = new Uint32Array(2);
const write = () => writeSync(file, counts, 0, counts.byteLength, 0);
write();
new PerformanceObserver((list) => {
  // Of entries of this type, Node documents `detail.kind`.
  for (const entry of list.getEntries() as (PerformanceEntry & { detail: { kind: number } })[]) {
    const { kind } = entry.detail;
    if (kind === NODE_PERFORMANCE_GC_MINOR) counts[0]! += 1;
    if (kind === NODE_PERFORMANCE_GC_MAJOR) counts[1]! += 1;
  }
  write();
}).observe({ entryTypes: ['gc'] });
