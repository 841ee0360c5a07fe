import type { BatchItem } from '@facequeue/client';
import { UsageError } from '../usage.ts';
import { type Entry, entriesAt } from './entries.ts';
import { readEntry } from './items.ts';
import { outcomeOf, unsent } from './outcome.ts';
import { readAhead } from './read-ahead.ts';
import { type Run, record } from './run.ts';

/** Files read at a time: each is in memory. */
const FILES_AT_ONCE = 4;

/** Sends the images at the places of a call, but for those that stand in the results, and writes how each ends. */
export async function sendAll(run: Run): Promise<void> {
  const { call, client, stop, batches, tally } = run;
  const place = tally.expected.push(null) - 1;
  // What comes on standard input comes once.
  if (call.places.from !== '-') void count(run, place).catch(() => {});
  const lines = client.batchResults(images(run, place), {
    options: call.options,
    signal: stop,
    onBatch: ({ id }) => batches.add({ service: call.service, batch: id }),
  });
  for await (const line of lines) await record(run, outcomeOf(line));
}

/** Counts ahead of the work; what goes wrong is told when the work comes to it. */
async function count({ call, stop, tally, met }: Run, place: number): Promise<void> {
  let counted = 0;
  for await (const { id } of entriesAt(call.places)) {
    if (stop.aborted) return;
    if (met.get(id) !== 'before') counted += 1;
  }
  tally.expected[place] ??= counted;
}

async function* images(run: Run, place: number): AsyncGenerator<BatchItem, void> {
  for await (const reading of readAhead(newEntries(run, place), FILES_AT_ONCE, readEntry)) {
    if ('item' in reading) yield reading.item;
    else await record(run, unsent(reading.id, reading.error.code, reading.error.message, new Date()));
  }
}

/** @throws UsageError when there is nothing where something was named */
async function* newEntries({ call, tally, met }: Run, place: number): AsyncGenerator<Entry, void> {
  let all = 0;
  let fresh = 0;
  for await (const entry of entriesAt(call.places)) {
    all += 1;
    if (met.has(entry.id)) continue;
    fresh += 1;
    met.set(entry.id, 'sent');
    yield entry;
  }
  tally.expected[place] = fresh;
  if (all === 0 && call.places.from === undefined)
    throw new UsageError(`${call.places.args.join(' ')}: no image there.`);
}
