/** What a run has come to, as Markdown. */
import { percentile } from '../statistics.ts';
import type { Census } from './census.ts';
import type { Tally } from './clients/caller.ts';
import type { Inflicted } from './inflict.ts';
import type { Ledger } from './ledger.ts';
import { FAULT_KINDS } from './plan/faults.ts';
import type { LogFigures } from './witness.ts';

export interface Outcome {
  ledger: Ledger;
  tally: Tally;
  inflicted: readonly Inflicted[];
  census: Census;
  logs: LogFigures;
  hooks: number;
  seconds: number;
  endedTwice: number;
}

export function printTable({ ledger, tally, inflicted, census, logs, hooks, seconds, endedTwice }: Outcome): void {
  row('clients', 'images');
  rule(2);
  for (const [kind, images] of ledger.images) row(kind, images);
  row('**all**', ledger.ended);

  const again = [...ledger.entries.values()].filter(({ attempts }) => attempts > 1);
  const most = Math.max(0, ...[...ledger.entries.values()].map(({ attempts }) => attempts));
  console.log();
  row('', '');
  rule(2);
  row('jobs promised to clients, items of batches not counted', ledger.entries.size);
  row('**lost**', ledger.lost);
  row('**ended twice**', endedTwice);
  row('computed twice, the second outcome discarded', [...logs.discarded].filter((id) => logs.recorded.has(id)).length);
  row('taken up more than once', `${again.length}, at most ${most} times`);
  row('given back by stopping workers', logs.givenBack);
  row('webhooks received', hooks);
  row('requests', tally.requests);
  row('requests that broke or were answered 429 or 5xx', tally.failedRequests);
  row('calls that failed after the client’s own retries, made again', tally.failedCalls);
  row('seconds', seconds.toFixed(0));
  for (const [role, bytes] of census.peaks) row(`peak memory of a ${role}, MB`, (bytes / 1e6).toFixed(0));

  console.log();
  row(
    'fault',
    'times',
    'what the victim had in hand has ended, s: p50',
    'p95',
    'max',
    'next image of a new call, s: p50',
    'p95',
    'max',
  );
  rule(8);
  for (const kind of FAULT_KINDS) {
    const of = inflicted.filter(({ fault }) => fault.kind === kind);
    if (of.length === 0) continue;
    row(kind, of.length, ...spread(of.map(({ heldMs }) => heldMs)), ...spread(of.map(({ nextMs }) => nextMs)));
  }
}

function spread(given: readonly (number | null)[]): string[] {
  const samples = given.filter((ms) => ms !== null);
  if (samples.length === 0) return ['', '', ''];
  return [percentile(samples, 0.5), percentile(samples, 0.95), Math.max(...samples)].map((ms) =>
    (ms / 1000).toFixed(1),
  );
}

function row(...cells: (string | number)[]): void {
  console.log(`| ${cells.join(' | ')} |`);
}

function rule(columns: number): void {
  row(...Array.from({ length: columns }, () => '---'));
}
