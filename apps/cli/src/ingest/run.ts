import type { Client } from '@facequeue/client';
import type { BatchesFile } from './batches-file.ts';
import type { Display } from './display.ts';
import type { IngestCall } from './options.ts';
import type { Outcome } from './outcome.ts';
import type { Results } from './results-file.ts';

/** What a run counts. */
export interface Tally {
  /** Images that have ended, the failed ones included. */
  done: number;
  failed: number;
  /** Images that somebody else has canceled. */
  canceled: number;
  /** How many images each place has; null: not known yet. */
  expected: (number | null)[];
}

/** What a run works with. */
export interface Run {
  call: IngestCall;
  client: Client;
  /** Aborts when the person who runs it has had enough. */
  stop: AbortSignal;
  results: Results;
  batches: BatchesFile;
  display: Display;
  tally: Tally;
  /** Images that have been met: in the results before it began, sent, or in the results by now. */
  met: Map<string, 'before' | 'sent' | 'written'>;
}

/**
 * Writes how an image ended, unless that stands in the results. A canceled one has no outcome: it is for the next run.
 * @returns whether it was written
 */
export async function record({ results, tally, met }: Run, outcome: Outcome): Promise<boolean> {
  const { id, status } = outcome;
  if (status === 'canceled') {
    tally.canceled += 1;
    return false;
  }
  const before = met.get(id);
  if (before === 'before' || before === 'written') return false;
  met.set(id, 'written');
  await results.write(outcome);
  tally.done += 1;
  if (status === 'failed') tally.failed += 1;
  return true;
}

/** Images of all places; null as long as one is not known. */
export function totalOf({ expected }: Tally): number | null {
  return expected.reduce((sum, one) => (sum === null || one === null ? null : sum + one), 0);
}
