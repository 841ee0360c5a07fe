/**
 * `npm run test:steady -- [--times 20] [--load CORES] [--config FILE] [FILES…]`: runs test files many times while the machine is busy,
 * each once a round, and prints how often each failed. Exit status 1 when any did; interrupted, it prints what it has so far.
 */
import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Message } from './reporter.ts';
import { type FileRun, type Outside, RunStats, settle } from './stats.ts';

/** A file's name in the table. */
const named = (file: string) => relative(process.cwd(), file);
const path = (url: string) => fileURLToPath(new URL(url, import.meta.url));
const VITEST = path('../../node_modules/vitest/vitest.mjs');

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    times: { type: 'string', default: '20' },
    load: { type: 'string', default: String(availableParallelism()) },
    config: { type: 'string', default: path('../../vitest.config.ts') },
  },
});
const times = count('times', 1);
const load = count('load', 0);
const files = matching(positionals);
if (!files.length) throw new Error(`no test file matches ${positionals.join(' ')}`);

const stats = new RunStats(files);
const interrupt = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => interrupt.abort());

console.log(`${files.length} files, ${times} times, beside ${load} busy processes`);
// They end with this process, however it ends.
const busy = Array.from({ length: load }, () => fork(path('./busy.ts')));
for (let round = 1; round <= times && !interrupt.signal.aborted; round++) {
  const runs = await runAll();
  for (const run of runs) stats.add(run);
  const failed = runs.filter(({ failures }) => failures.length);
  console.log(`round ${round}: ${runs.length} files, ${failed.length} failed`);
}
for (const each of busy) each.disconnect();
console.log(`\n${stats}`);
if (interrupt.signal.aborted) console.log('\ninterrupted');
process.exitCode = stats.failed || interrupt.signal.aborted ? 1 : 0;

/** Runs every file once. When interrupted, resolves with those that had ended. */
async function runAll(): Promise<FileRun[]> {
  const args = ['run', '--config', values.config, '--reporter', path('./reporter.ts'), ...files];
  // A group of its own, so that an interruption reaches what the tests have started, too.
  const child = fork(VITEST, args, { detached: true, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  const runs: FileRun[] = [];
  const outside: Outside[] = [];
  child.on('message', (message: Message) => {
    if ('outside' in message) {
      outside.push({ ...message.outside, file: message.outside.file && named(message.outside.file) });
      return;
    }
    const run = { ...message.run, file: named(message.run.file) };
    runs.push(run);
    for (const { test } of run.failures) console.log(`failed: ${run.file} > ${test}`);
  });
  const kill = () => process.kill(-child.pid!, 'SIGKILL');
  interrupt.signal.addEventListener('abort', kill);
  const [status, signal] = await once(child, 'close');
  interrupt.signal.removeEventListener('abort', kill);
  return interrupt.signal.aborted ? runs : settle(files, runs, outside, signal ?? `status ${status}`);
}

/** The test files whose paths contain one of these texts, all without any. */
function matching(filters: readonly string[]): string[] {
  const args = [VITEST, 'list', '--filesOnly', '--json', '--config', values.config, ...filters];
  const listed: { file: string }[] = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }));
  return listed.map(({ file }) => named(file));
}

function count(name: 'times' | 'load', least: number): number {
  const value = Number(values[name]);
  if (Number.isInteger(value) && value >= least) return value;
  throw new Error(`--${name} is '${values[name]}'; expected a whole number of at least ${least}`);
}
