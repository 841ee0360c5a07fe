import type { Client } from '@facequeue/client';
import { isFacequeueError } from '@facequeue/schema';
import type { Print } from '../commands.ts';
import { INTERRUPTED } from '../interruption.ts';
import { batchesFile } from './batches-file.ts';
import { csv } from './csv.ts';
import { type DisplayKind, type Screen, startDisplay } from './display.ts';
import { ndjson } from './ndjson.ts';
import type { IngestCall } from './options.ts';
import { spokenTime } from './progress.ts';
import { openResultsFile, type Results } from './results-file.ts';
import { type Run, type Tally, totalOf } from './run.ts';
import { sendAll } from './send.ts';
import { listAll, takeUp } from './take-up.ts';

/** How a run came to its end. */
type End = 'done' | 'interrupted' | 'stopped';

/**
 * Sends images and writes their results.
 * @param stop aborts when the person who runs it has had enough
 * @param print takes text for standard output
 * @param screen where progress is shown; `bar`: as a bar
 * @returns the exit code
 * @throws UsageError
 */
export async function ingest(
  call: IngestCall,
  client: Client,
  stop: AbortSignal,
  print: Print,
  screen: Screen & { bar: boolean },
): Promise<number> {
  const format = { ndjson, csv }[call.format];
  const file = call.out === undefined ? null : await openResultsFile(call.out, format, call.retryFailed);
  if (!file) print(format.header);
  await using results: Results = file ?? {
    write: async (outcome) => print(format.text(outcome)),
    async [Symbol.asyncDispose]() {},
  };
  const tally: Tally = { done: 0, failed: 0, canceled: 0, expected: [] };
  const kind: DisplayKind = call.quiet ? 'none' : call.json ? 'json' : screen.bar ? 'bar' : 'lines';
  using display = startDisplay(kind, () => ({ ...tally, total: totalOf(tally) }), screen);
  const known = file?.known ?? [];
  const met: Run['met'] = new Map(known.map((id) => [id, 'before']));
  const run: Run = { call, client, stop, results, batches: batchesFile(call.out), display, tally, met };
  if (known.length && !call.quiet) display.say(`${call.out} has ${images(known.length)} already.`);

  let end: End = 'stopped';
  try {
    await runAll(run);
    end = 'done';
    await run.batches.clear();
  } catch (error) {
    if (stop.aborted && error === stop.reason) end = 'interrupted';
    else display.say(reason(error, call));
  }
  if (!call.quiet || end !== 'done') display.end(summary(run, end), end);
  if (end === 'interrupted') return INTERRUPTED;
  return end === 'stopped' || tally.failed || tally.canceled ? 1 : 0;
}

async function runAll(run: Run): Promise<void> {
  const { call, batches } = run;
  const listed = new Set<string>();
  for (const begun of await batches.read()) {
    if (begun.service !== call.service) continue;
    if ((await takeUp(run, begun)) && begun.prefix !== undefined) listed.add(begun.prefix);
  }
  for (const prefix of call.prefixes) if (!listed.has(prefix)) await listAll(run, prefix);
  if (call.places.args.length || call.places.from !== undefined) await sendAll(run);
}

/** Why a run could not go on, for people. @throws what nobody could have foreseen */
function reason(error: unknown, { service }: IngestCall): string {
  if (isFacequeueError(error)) {
    return `${error.code}: ${error.message}${error.code === 'unavailable' ? ` (${service})` : ''}`;
  }
  // A disk that is full, say.
  if (error instanceof Error && 'syscall' in error) return `The results cannot be written: ${error.message}.`;
  throw error;
}

function summary({ call, tally, display }: Run, end: End): string {
  const { done, failed, canceled } = tally;
  const { elapsedMs } = display.progress();
  const counts = [
    `${images(done)} in ${spokenTime(elapsedMs)}`,
    failed > 0 && `${failed} failed`,
    canceled > 0 && `${canceled} canceled by somebody else`,
  ];
  const onward = end !== 'done' || canceled > 0 ? ' The same command goes on from there.' : '';
  const word = { done: 'Done', interrupted: 'Interrupted', stopped: 'Stopped' }[end];
  return `${word}: ${counts.filter(Boolean).join(', ')}.${call.out === undefined ? '' : onward}`;
}

const images = (count: number) => `${count} ${count === 1 ? 'image' : 'images'}`;
