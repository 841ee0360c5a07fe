/**
 * `npm run test:ci`: plants one fault after the other in copies of this repository and runs `.ci/run` there, which must end with a failure
 * each time, for the fault that was planted; and without a fault, with success. Two copies at a time, about a minute.
 */
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { copyRepository, ROOT } from '../support/repository.ts';

/** Left by a first run for the next one, in the folder of the copy. */
const MARKER = 'marker';
const TEST = 'packages/time/src/planted.test.ts';
const MODULE = 'packages/time/src/planted.ts';
const EXCEPTIONS = '.ci/exceptions.json';
const MANIFEST = readFileSync(join(ROOT, 'models/manifest.json'), 'utf8');
/** A copy is removed with everything its processes have left in it. */
const folder = mkdtempSync(join(tmpdir(), 'facequeue-planted-'));

interface Plant {
  readonly fault: string;
  /** Files and their contents. */
  readonly files: Record<string, string>;
  /** Arguments of `.ci/run`. */
  readonly run: string[];
  /** What it prints about the fault; a plant without a fault passes. */
  readonly prints: readonly RegExp[];
  readonly passes?: true;
}

const tests = ['tests', '--limit', '90', '--', TEST];
const vitest = (body: string) => `import { spawn } from 'node:child_process';
import { writeFileSync, existsSync } from 'node:fs';
import { expect, it } from 'vitest';
const first = !existsSync('${MARKER}');
writeFileSync('${MARKER}', '');
${body}
`;
const failsFirst = "it('fails once', () => expect(first).toBe(false));";
const unsteady = (since: string) =>
  JSON.stringify({ unsteady: [{ test: `${TEST} > fails once`, reason: 'planted', since }], maySkip: [] });
const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);
/** Starts a process in a group of its own. */
const CHILD = `const child = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
writeFileSync('${MARKER}', String(child.pid));
`;
const hang = `import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
${CHILD}`;

const RUNS_TESTS: readonly Plant[] = [
  {
    fault: 'none: a test that passes, and leaves a process',
    files: { [TEST]: vitest(`it('passes', () => {\n${CHILD}child.unref();\n});`) },
    run: tests,
    prints: [],
    passes: true,
  },
  {
    fault: 'a test that fails once',
    files: { [TEST]: vitest(failsFirst) },
    run: tests,
    prints: [/FAILED: failed, passed alone: .* > fails once/],
  },
  {
    fault: 'none: a test that fails once is listed as unsteady',
    files: { [TEST]: vitest(failsFirst), [EXCEPTIONS]: unsteady(daysAgo(29)) },
    run: tests,
    prints: [/unsteady since .* passed alone: .* > fails once/],
    passes: true,
  },
  {
    fault: 'an unhandled rejection beside a test that is listed as unsteady',
    files: {
      [TEST]: vitest(`${failsFirst}\nif (first) void Promise.reject(new Error('planted'));`),
      [EXCEPTIONS]: unsteady(daysAgo(1)),
    },
    run: tests,
    prints: [/unsteady since/, /FAILED: unhandled error: planted/],
  },
  {
    fault: 'an unhandled rejection while every test passes',
    files: { [TEST]: vitest("it('passes', () => void Promise.reject(new Error('planted')));") },
    run: tests,
    prints: [/FAILED: unhandled error: planted/],
  },
  {
    fault: 'a test that fails always',
    files: {
      [TEST]: vitest("it('fails', () => expect(1).toBe(2));"),
      [EXCEPTIONS]: unsteady(daysAgo(1)).replace('fails once', 'fails'),
    },
    run: tests,
    prints: [/FAILED: failed, failed alone: .* > fails$/m],
  },
  {
    fault: 'a test marked only',
    files: { [TEST]: vitest("it.only('runs', () => {});\nit('is left out', () => expect(1).toBe(2));") },
    run: tests,
    prints: [/FAILED: failed, .* > runs/, /Unexpected \.only/],
  },
  {
    fault: 'a file that does not load',
    files: { [TEST]: vitest("it('passes', () => {});\nimport './missing.ts';") },
    run: tests,
    prints: [/FAILED: failed outside its tests: .*missing/],
  },
  {
    fault: 'tests that are skipped, and a test that passes when it is tried again',
    files: {
      [TEST]: vitest(`it.skip('is skipped', () => {});
it('is skipped for a tool', ({ skip }) => skip(true, 'curl is not installed'));
it.todo('is to be written');
let tries = 0;
it('is tried again', { retry: 1 }, () => expect(++tries).toBe(2));`),
    },
    run: tests,
    prints: [
      /FAILED: skipped, without a reason: .* > is skipped$/m,
      /FAILED: skipped, "curl is not installed": .* > is skipped for a tool/,
      /FAILED: skipped, without a reason: .* > is to be written/,
      /FAILED: failed before it passed: .* > is tried again/,
    ],
  },
  {
    fault: 'a test that never ends',
    files: { [TEST]: vitest("it('hangs', () => new Promise(() => {}), 300);") },
    run: tests,
    prints: [/FAILED: failed, failed alone: .* > hangs/],
  },
];

const RUNS_CHECKS: readonly Plant[] = [
  {
    fault: 'a test that blocks its process for good',
    files: { [TEST]: vitest("it('spins', () => { for (;;); });") },
    run: ['tests', '--limit', '15', '--', TEST],
    prints: [/FAILED: not finished after 15 s, killed/, new RegExp(`had not finished:\n${TEST}`)],
  },
  {
    fault: 'a check that never ends',
    files: { 'test/directions/check.ts': hang },
    run: ['directions', '--limit', '3'],
    prints: [/FAILED \(not finished after 3 s, killed\)/],
  },
  {
    fault: 'a type error',
    files: { [MODULE]: "export const planted: number = 'text';\n" },
    run: ['types'],
    prints: [/planted\.ts.*TS2322/],
  },
  {
    fault: 'a lint error',
    files: { [MODULE]: 'export const planted: any = 1;\n' },
    run: ['lint'],
    prints: [/planted\.ts.*noExplicitAny/],
  },
  {
    fault: 'a floating promise',
    files: { [MODULE]: 'export const planted = async () => {};\nplanted();\n' },
    run: ['lint'],
    prints: [/no-floating-promises/, /planted\.ts:2/],
  },
  {
    fault: 'a forbidden import',
    files: { 'packages/schema/src/planted.ts': "export { sleep } from '../../queue/src/index.ts';\n" },
    run: ['directions'],
    prints: [/direction-schema.*planted\.ts/],
  },
  {
    fault: 'a model whose licence forbids to sell what it is in',
    files: { 'models/manifest.json': MANIFEST.replace('"MIT"', '"CC-BY-NC-4.0"') },
    run: ['licences'],
    prints: [/detector-yunet\.onnx has the licence CC-BY-NC-4\.0/],
  },
  {
    fault: 'a bill of materials that is not valid',
    files: { 'models/manifest.json': MANIFEST.replace(/"sha256": "\w+"/, '"sha256": "planted"') },
    run: ['sbom'],
    prints: [/not valid as CycloneDX/],
  },
  {
    fault: 'an unsteady test that nobody has mended for a month',
    files: { [EXCEPTIONS]: unsteady(daysAgo(32)), [TEST]: '' },
    run: ['exceptions'],
    prints: [/FAILED: .* > fails once: unsteady for more than 30 days/],
  },
];

/** The environment without the variables of the npm that runs this script, and without its node_modules. */
const env = {
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|INIT_CWD$)/i.test(name))),
  PATH: (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((entry) => !entry.includes('node_modules'))
    .join(delimiter),
};

/** @returns what is wrong with how `.ci/run` took it; null if nothing */
async function tryPlant(copy: string, plant: Plant): Promise<string | null> {
  for (const [file, text] of Object.entries(plant.files)) writeFileSync(join(copy, file), text);
  const { status, output } = await ciRun(copy, plant.run);
  for (const file of Object.keys(plant.files)) {
    if (existsSync(join(ROOT, file))) cpSync(join(ROOT, file), join(copy, file));
    else rmSync(join(copy, file));
  }
  const marker = join(copy, MARKER);
  const child = existsSync(marker) ? Number(readFileSync(marker, 'utf8')) : 0;
  rmSync(marker, { force: true });
  const problems = plant.prints
    .filter((pattern) => !pattern.test(output))
    .map((pattern) => `it does not print ${pattern}`);
  const last = output.trimEnd().split('\n').at(-1) ?? '';
  const [, failed] = /^\d+ passed, (\d+) failed, \d+ skipped$/.exec(last) ?? [];
  if (failed === undefined) problems.push('its last line has no counts');
  if ((status === 0) !== Boolean(plant.passes)) problems.push(`its exit status is ${status}`);
  if ((failed === '0') !== Boolean(plant.passes)) problems.push(`${failed} failures are counted`);
  if (child && runs(child)) problems.push(`process ${child} is left`);
  return problems.length ? `${problems.join('; ')}:\n${output}` : null;
}

function ciRun(copy: string, args: string[]): Promise<{ status: unknown; output: string }> {
  return new Promise((resolve) =>
    execFile('bash', ['.ci/run', ...args], { cwd: copy, env, maxBuffer: 64 << 20 }, (error, stdout, stderr) =>
      // Where colours are forced on, the tools colour pieces of words.
      resolve({ status: error ? error.code : 0, output: stripVTControlCharacters(stdout + stderr) }),
    ),
  );
}

/** Whether the process runs; one that has ended and was not collected has no command line. */
function runs(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8') !== '';
  } catch {
    return false;
  }
}

async function lane(name: string, plants: readonly Plant[]): Promise<number> {
  const copy = join(folder, name);
  copyRepository(copy);
  let wrong = 0;
  for (const plant of plants) {
    const start = performance.now();
    const problem = await tryPlant(copy, plant);
    if (problem) wrong++;
    const outcome = problem ? `WRONG: ${problem}` : plant.passes ? 'passes, as it should' : 'fails, as it should';
    console.log(`${plant.fault}: ${outcome} (${((performance.now() - start) / 1000).toFixed(1)} s)`);
  }
  return wrong;
}

try {
  const wrong = await Promise.all([lane('tests', RUNS_TESTS), lane('checks', RUNS_CHECKS)]);
  const total = wrong.reduce((sum, each) => sum + each, 0);
  console.log(`${RUNS_TESTS.length + RUNS_CHECKS.length} plants, ${total} taken wrongly`);
  process.exitCode = total ? 1 : 0;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
