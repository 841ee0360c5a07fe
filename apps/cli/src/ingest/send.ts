import type { BatchItem } from '@facequeue/client';
import { UsageError } from '../usage.ts';
import { type Entry, entriesAt } from './entries.ts';
import { readEntry } from './items.ts';
import { outcomeOf, unsent } from './outcome.ts';
import { readAhead } from './read-ahead.ts';
import { type Run, record } from './run.ts';

/** Files read at a time; each is in memory. */
const READ_CONCURRENCY = 4;

/** Sends the images of a call that are not in the results, and writes how each ends. */
export async function sendAll(run: Run): Promise<void> {
  const { call, client, stop, batches, stats } = run;
  const place = stats.expected.push(null) - 1;
  // Standard input cannot be read twice.
  if (call.places.from !== '-') void count(run, place).catch(() => {});
  const lines = client.batchResults(images(run, place), {
    options: call.options,
    signal: stop,
    onBatch: ({ id }) => batches.add({ service: call.service, batch: id }),
  });
  for await (const line of lines) await record(run, outcomeOf(line));
}

/** Counts the images ahead of sending them. Its errors are ignored, since sending meets them too. */
async function count({ call, stop, stats, seen }: Run, place: number): Promise<void> {
  let counted = 0;
  for await (const { id } of entriesAt(call.places)) {
    if (stop.aborted) return;
    if (seen.get(id) !== 'before') counted += 1;
  }
  stats.expected[place] ??= counted;
}

async function* images(run: Run, place: number): AsyncGenerator<BatchItem, void> {
  for await (const reading of readAhead(newEntries(run, place), READ_CONCURRENCY, readEntry)) {
    if ('item' in reading) yield reading.item;
    else await record(run, unsent(reading.id, reading.error.code, reading.error.message, new Date()));
  }
}

/** @throws UsageError when the arguments match no image */
async function* newEntries({ call, stats, seen }: Run, place: number): AsyncGenerator<Entry, void> {
  let all = 0;
  let fresh = 0;
  for await (const entry of entriesAt(call.places)) {
    all += 1;
    if (seen.has(entry.id)) continue;
    fresh += 1;
    seen.set(entry.id, 'sent');
    yield entry;
  }
  stats.expected[place] = fresh;
  if (all === 0 && call.places.from === undefined)
    throw new UsageError(`${call.places.args.join(' ')}: no image there`);
}
