import type { Client } from '@facequeue/client';
import { isFacequeueError } from '@facequeue/schema';
import { INTERRUPTED } from '../interruption.ts';
import type { Output } from '../output.ts';
import { batchesFile } from './batches-file.ts';
import { csv } from './csv.ts';
import { type DisplayKind, type Screen, startDisplay } from './display.ts';
import { ndjson } from './ndjson.ts';
import type { IngestCall } from './options.ts';
import { formatDuration } from './progress.ts';
import { openResultsFile, type Results } from './results-file.ts';
import { ingestPrefix, resumeBatch } from './resume.ts';
import { type Run, type Stats, totalOf } from './run.ts';
import { sendAll } from './send.ts';

/** How a run ended. */
type End = 'done' | 'interrupted' | 'stopped';

/**
 * Sends images and writes their results.
 * @param stop aborts on Ctrl-C
 * @param screen where progress is shown; `bar`: as a bar
 * @returns the exit code
 * @throws UsageError
 */
export async function ingest(
  call: IngestCall,
  client: Client,
  stop: AbortSignal,
  { stdout }: Pick<Output, 'stdout'>,
  screen: Screen & { bar: boolean },
): Promise<number> {
  const format = { ndjson, csv }[call.format];
  const file = call.out === undefined ? null : await openResultsFile(call.out, format, call.retryFailed);
  if (!file) stdout(format.header);
  await using results: Results = file ?? {
    write: async (outcome) => stdout(format.text(outcome)),
    async [Symbol.asyncDispose]() {},
  };
  const stats: Stats = { done: 0, failed: 0, canceled: 0, expected: [] };
  const kind: DisplayKind = call.quiet ? 'none' : call.json ? 'json' : screen.bar ? 'bar' : 'lines';
  using display = startDisplay(kind, () => ({ ...stats, total: totalOf(stats) }), screen);
  const recorded = file?.recorded ?? [];
  const seen: Run['seen'] = new Map(recorded.map((id) => [id, 'before']));
  const run: Run = { call, client, stop, results, batches: batchesFile(call.out), display, stats, seen };
  if (recorded.length && !call.quiet) display.message(`${call.out} has ${images(recorded.length)} already.`);

  let end: End = 'stopped';
  try {
    await runAll(run);
    end = 'done';
    await run.batches.clear();
  } catch (error) {
    if (stop.aborted && error === stop.reason) end = 'interrupted';
    else display.message(reason(error, call));
  }
  if (!call.quiet || end !== 'done') display.finish(summary(run, end), end);
  if (end === 'interrupted') return INTERRUPTED;
  return end === 'stopped' || stats.failed || stats.canceled ? 1 : 0;
}

async function runAll(run: Run): Promise<void> {
  const { call, batches } = run;
  const resumedPrefixes = new Set<string>();
  for (const batch of await batches.read()) {
    if (batch.service !== call.service) continue;
    if ((await resumeBatch(run, batch)) && batch.prefix !== undefined) resumedPrefixes.add(batch.prefix);
  }
  for (const prefix of call.prefixes) if (!resumedPrefixes.has(prefix)) await ingestPrefix(run, prefix);
  if (call.places.args.length || call.places.from !== undefined) await sendAll(run);
}

/** Why a run could not continue, for people. @throws `error` itself when it is unexpected */
function reason(error: unknown, { service }: IngestCall): string {
  if (isFacequeueError(error)) {
    return `${error.code}: ${error.message}${error.code === 'unavailable' ? ` (${service})` : ''}`;
  }
  // For example a full disk.
  if (error instanceof Error && 'syscall' in error) return `The results cannot be written: ${error.message}.`;
  throw error;
}

function summary({ call, stats, display }: Run, end: End): string {
  const { done, failed, canceled } = stats;
  const { elapsedMs } = display.progress();
  const counts = [
    `${images(done)} in ${formatDuration(elapsedMs)}`,
    failed > 0 && `${failed} failed`,
    canceled > 0 && `${canceled} canceled by another client`,
  ];
  const hint = end !== 'done' || canceled > 0 ? ' Run the same command again to continue.' : '';
  const word = { done: 'Done', interrupted: 'Interrupted', stopped: 'Stopped' }[end];
  return `${word}: ${counts.filter(Boolean).join(', ')}.${call.out === undefined ? '' : hint}`;
}

const images = (count: number) => `${count} ${count === 1 ? 'image' : 'images'}`;
