// @ts-check
/**
 * `bash .ci/run [--limit SECONDS] [CHECK…] [-- FILE…]`: everything that guards main, on a clean clone. It ends with a line of counts, and
 * with status 0 only when nothing failed. CHECK: only these. FILE: only these test files, in the checks that run tests. --limit: no check
 * may take longer.
 *
 * This file and what it imports run on any Node from 20, before anything is installed.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { CHECKS } from './checks.js';
import { problemsOf, readExceptions } from './exceptions.js';
import { filesToRerun, judge } from './judge.js';
import { killRunning, runLimited } from './limited.js';
import { REPORT_VARIABLE, unfinishedPath } from './reporter.js';

/** @typedef {import('./checks.js').Check} Check */

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** All checks together end in this time, and the rest fails: whoever waits for the result gets it. */
const TOTAL_MS = 85 * 60_000;
/** Preparations of one check: packages of the system, base images. */
const PREPARE_MS = 15 * 60_000;
const EXCEPTIONS = 'exceptions';
const REPORTER = fileURLToPath(new URL('reporter.js', import.meta.url));

const folder = mkdtempSync(join(tmpdir(), 'facequeue-ci-'));
const log = join(folder, 'log');
const begun = performance.now();
const counts = { passed: 0, failed: 0, skipped: 0 };

/** @param {string} text */
const print = (text) => console.log(text);
/** @param {number} from from `performance.now()` */
const secondsSince = (from) => Math.round((performance.now() - from) / 1000);
/** @param {number} count of lines */
const lastLines = (count) => readFileSync(log, 'utf8').trimEnd().split('\n').slice(-count).join('\n');

/**
 * @param {string[]} words
 * @param {number} limitMs
 * @param {{ env?: NodeJS.ProcessEnv, daemons?: boolean }} [options] as of `runLimited`
 */
const run = (words, limitMs, options = {}) =>
  runLimited(words, {
    ...options,
    cwd: ROOT,
    log,
    limitMs: Math.max(0, Math.min(limitMs, begun + TOTAL_MS - performance.now())),
  });

/** @type {import('./machine.js').Machine} */
const machine = {
  root: ROOT,
  folder,
  async run(words) {
    const { status } = await run(words, PREPARE_MS, { daemons: true });
    if (status !== 0) print(`${words.join(' ')} failed (${status ?? 'killed'}):\n${lastLines(20)}`);
    return status === 0;
  },
  probe: async (words) => (await run(words, 30_000, { daemons: true })).status === 0,
};

/** Passed or failed by its exit status. @param {Check} check @param {number} limitMs */
async function runCommand({ command, env }, limitMs) {
  const start = performance.now();
  const { status, timedOut } = await run(command, limitMs, { env });
  const took = `${secondsSince(start)} s`;
  if (status === 0) {
    counts.passed++;
    print(`ok (${took})\n${lastLines(3)}`);
  } else {
    counts.failed++;
    print(`FAILED (${timedOut ? `not finished after ${took}, killed` : took})\n${lastLines(100)}`);
  }
}

/**
 * @param {Check} check
 * @param {string[]} files
 * @param {number} limitMs
 */
async function runVitest({ command, env }, files, limitMs) {
  const path = join(folder, 'report.json');
  for (const old of [path, unfinishedPath(path)]) rmSync(old, { force: true });
  const flags = ['--reporter=default', `--reporter=${REPORTER}`];
  const { status, timedOut } = await run([...command, '--', ...flags, ...files], limitMs, {
    env: { ...env, [REPORT_VARIABLE]: path, NO_COLOR: '1', FORCE_COLOR: '0' },
  });
  /** @type {import('./reporter.js').Report | null} */
  const report = existsSync(path) && !timedOut ? JSON.parse(readFileSync(path, 'utf8')) : null;
  const unfinished = timedOut && existsSync(unfinishedPath(path)) ? readFileSync(unfinishedPath(path), 'utf8') : '';
  return { status, timedOut, report, unfinished };
}

/**
 * Its tests are counted one by one. Failed files are run again alone for the reader, who learns whether they fail there too; only a test in
 * .ci/exceptions.json may pass that way.
 * @param {Check} check
 * @param {string[]} files
 * @param {number} limitMs
 * @param {import('./exceptions.js').Exceptions} exceptions
 */
async function runTests(check, files, limitMs, exceptions) {
  const start = performance.now();
  const first = await runVitest(check, files, limitMs);
  if (first.timedOut) {
    counts.failed++;
    print(`FAILED: not finished after ${secondsSince(start)} s, killed\n${lastLines(100)}`);
    if (first.unfinished) print(`files that had not finished:\n${first.unfinished.trimEnd()}`);
    return;
  }
  if (first.status !== 0) print(failures());
  const again = filesToRerun(first);
  let rerun = null;
  if (again.length > 0) {
    print(`run again alone: ${again.join(' ')}`);
    rerun = await runVitest(check, [...again, '--maxWorkers=1'], limitMs - (performance.now() - start));
    if (rerun.status !== 0) print(failures());
  }
  const { passed, failed, skipped, problems, notes } = judge(first, rerun, exceptions);
  counts.passed += passed;
  counts.failed += failed;
  counts.skipped += skipped;
  for (const note of notes) print(note);
  for (const problem of problems) print(`FAILED: ${problem}`);
  print(`${passed} passed, ${failed} failed, ${skipped} skipped in ${secondsSince(start)} s`);
}

/** What vitest printed about failures, without the list of all files before it. */
function failures() {
  const lines = lastLines(400).split('\n');
  const first = lines.findIndex((line) => /Failed (Tests|Suites)|Unhandled Errors/.test(line));
  return lines.slice(Math.max(0, first)).join('\n');
}

async function main() {
  const { values, positionals, tokens } = parseArgs({
    options: { limit: { type: 'string' } },
    allowPositionals: true,
    tokens: true,
  });
  const divider = tokens.find(({ kind }) => kind === 'option-terminator')?.index ?? Number.POSITIVE_INFINITY;
  const names = tokens.flatMap((token) => (token.kind === 'positional' && token.index < divider ? [token.value] : []));
  const files = positionals.slice(names.length);
  const cap = values.limit === undefined ? Number.POSITIVE_INFINITY : Number(values.limit) * 1000;
  const available = [EXCEPTIONS, ...CHECKS.map(({ name }) => name)];
  const unknown = names.filter((name) => !available.includes(name));
  if (unknown.length > 0 || !(cap > 0)) {
    console.error(`usage: bash .ci/run [--limit SECONDS] [CHECK…] [-- FILE…]\nchecks: ${available.join(', ')}`);
    return 2;
  }
  /** @param {string} name */
  const wanted = (name) => names.length === 0 || names.includes(name);

  /** @type {import('./exceptions.js').Exceptions} */
  let exceptions = { unsteady: [], maySkip: [] };
  let problems;
  try {
    exceptions = readExceptions(ROOT);
    problems = problemsOf(exceptions, ROOT, new Date());
  } catch (error) {
    problems = [`.ci/exceptions.json: ${error}`];
  }
  if (wanted(EXCEPTIONS)) {
    print(`== ${EXCEPTIONS}`);
    for (const problem of problems) print(`FAILED: ${problem}`);
    counts.failed += problems.length;
    if (problems.length === 0) {
      counts.passed++;
      print('ok');
    }
  }
  for (const check of CHECKS.filter(({ name }) => wanted(name))) {
    print(`== ${check.name}`);
    const limitMs = Math.min(check.minutes * 60_000, cap);
    const missing = (await check.prepare?.(machine)) ?? null;
    if (missing !== null) {
      counts.skipped++;
      print(`skipped: ${missing}`);
    } else if (check.vitest) {
      await runTests(check, files.length > 0 ? files : (check.files ?? []), limitMs, exceptions);
    } else {
      await runCommand(check, limitMs);
    }
  }
  print(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  return counts.failed === 0 ? 0 : 1;
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.once(signal, () => {
    killRunning();
    process.exit(1);
  });
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
process.exitCode = await main();
