import type { Client } from '@facequeue/client';
import type { BatchesFile } from './batches-file.ts';
import type { Display } from './display.ts';
import type { IngestCall } from './options.ts';
import type { Outcome } from './outcome.ts';
import type { Results } from './results-file.ts';

/** Counters of a run. */
export interface Stats {
  /** Images that have ended, the failed ones included. */
  done: number;
  failed: number;
  /** Images that another client canceled. */
  canceled: number;
  /** Number of images from each source (the arguments, a prefix, a resumed batch); null while unknown. */
  expected: (number | null)[];
}

/** State that the steps of a run share. */
export interface Run {
  call: IngestCall;
  client: Client;
  /** Aborts on Ctrl-C. */
  stop: AbortSignal;
  results: Results;
  batches: BatchesFile;
  display: Display;
  stats: Stats;
  /** Ids of images in the results `before` this run, `sent` by it, or `written` by it. */
  seen: Map<string, 'before' | 'sent' | 'written'>;
}

/**
 * Writes how an image ended, unless the results have it. A canceled image is not written, so that the next run sends it.
 * @returns whether it was written
 */
export async function record({ results, stats, seen }: Run, outcome: Outcome): Promise<boolean> {
  const { id, status } = outcome;
  if (status === 'canceled') {
    stats.canceled += 1;
    return false;
  }
  const state = seen.get(id);
  if (state === 'before' || state === 'written') return false;
  seen.set(id, 'written');
  await results.write(outcome);
  stats.done += 1;
  if (status === 'failed') stats.failed += 1;
  return true;
}

/** Number of images of all sources; null while one is unknown. */
export function totalOf({ expected }: Stats): number | null {
  return expected.reduce((sum, one) => (sum === null || one === null ? null : sum + one), 0);
}
