/** Prints the result of a run as Markdown. */
import { percentile } from '../support/statistics.ts';
import type { CallCounts } from './clients/caller.ts';
import type { Expectations } from './expectations.ts';
import type { InjectedFault } from './inject-fault.ts';
import type { LogCounts } from './observer.ts';
import { FAULT_KINDS } from './plan/faults.ts';
import type { ProcessCounts } from './process-counts.ts';
import { bounds, PROMISED } from './recovery.ts';

export interface Outcome {
  expectations: Expectations;
  counts: CallCounts;
  injected: readonly InjectedFault[];
  processes: ProcessCounts;
  logs: LogCounts;
  webhooks: number;
  seconds: number;
  endedTwice: number;
}

export function printTable({
  expectations,
  counts,
  injected,
  processes,
  logs,
  webhooks,
  seconds,
  endedTwice,
}: Outcome): void {
  row('clients', 'images');
  rule(2);
  for (const [kind, images] of expectations.images) row(kind, images);
  row('**all**', expectations.ended);

  const repeated = [...expectations.entries.values()].filter(({ attempts }) => attempts > 1);
  const most = Math.max(0, ...[...expectations.entries.values()].map(({ attempts }) => attempts));
  console.log();
  row('', '');
  rule(2);
  row('jobs promised to clients, items of batches not counted', expectations.entries.size);
  row('**lost**', expectations.lost);
  row('**ended twice**', endedTwice);
  row('computed twice, the second outcome discarded', [...logs.discarded].filter((id) => logs.recorded.has(id)).length);
  row('claimed more than once', `${repeated.length}, at most ${most} times`);
  row('released by stopping workers', logs.released);
  row('webhooks received', webhooks);
  row('requests', counts.requests);
  row('requests that broke or were answered 429 or 5xx', counts.failedRequests);
  row('calls that failed after the client’s own retries, repeated', counts.failedCalls);
  row('seconds', seconds.toFixed(0));
  for (const [role, bytes] of processes.peaks) row(`peak memory of a ${role}, MB`, (bytes / 1e6).toFixed(0));

  console.log();
  row(
    'fault',
    'times',
    "the victim's jobs have ended, s: p50",
    'p95',
    'max',
    'next image of a new call, s: p50',
    'p95',
    'max',
  );
  rule(8);
  for (const kind of FAULT_KINDS) {
    const of = injected.filter(({ fault }) => fault.kind === kind);
    if (of.length === 0) continue;
    row(kind, of.length, ...spread(of.map(({ recoveryMs }) => recoveryMs)), ...spread(of.map(({ nextMs }) => nextMs)));
  }

  console.log();
  row('fault', "the victim's jobs, s: promised", 'allowed', 'next image, s: promised', 'allowed');
  rule(5);
  for (const kind of FAULT_KINDS) {
    if (!injected.some(({ fault }) => fault.kind === kind)) continue;
    const [promised, allowed] = [PROMISED[kind], bounds(kind)];
    row(kind, promised.jobs ?? '', allowed.jobs ?? '', promised.next, allowed.next);
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
