/** Mutants of TypeScript: StrykerJS, in a copy of the working tree. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Stryker } from '@stryker-mutator/core';
import { ROOT } from '../support/repository.ts';
import { describeChange, type Mutant } from './mutant.ts';
import type { MutatedPackage } from './packages.ts';
import { hashOf, type Sample } from './sample.ts';
import { MutatedTree, RESULTS } from './tree.ts';

export interface TypeScriptRun {
  /** For the files in .cache/mutation. */
  name: string;
  of: MutatedPackage;
  /** The files to mutate. */
  files: string[];
  /** How many mutants of them, and which by chance. */
  sample: Sample | null;
  /** Takes no result of an earlier run. */
  fresh: boolean;
}

/** @returns every mutant that was judged. Leaves Stryker's own report in .cache/mutation/NAME.json, that of a sample in NAME.HASH.json */
export async function mutateTypeScript({ name, of, files, sample, fresh }: TypeScriptRun): Promise<Mutant[]> {
  mkdirSync(RESULTS, { recursive: true });
  // Stryker keeps the mutants that were not drawn as such that do not compile, and would take this over into a whole run or
  // another sample.
  const run = sample ? `${name}.${hashOf(JSON.stringify([sample, files]))}` : name;
  const report = join(RESULTS, `${run}.json`);
  using tree = new MutatedTree();
  process.env['MUTATION_TESTS'] = JSON.stringify(of.tests);
  process.env['MUTATION_WITHOUT'] = JSON.stringify(of.without ?? []);
  // Importing the entry of a process would start it.
  process.env['MUTATION_PRELOADED'] = JSON.stringify(of.processes ? [] : files.map((file) => join(tree.path, file)));
  process.env['MUTATION_SAMPLE'] = JSON.stringify(sample);
  process.chdir(tree.path);
  try {
    for (const file of files) putInFront(file);
    const plugin = (file: string) => join(tree.path, 'test/mutation', file);
    const options: Options = {
      mutate: files,
      // The copy is the sandbox: Stryker's own would load @facequeue packages from outside it.
      inPlace: true,
      plugins: ['@stryker-mutator/vitest-runner', ...['ignore-texts.ts', 'sampler.ts', 'survivors.ts'].map(plugin)],
      testRunner: 'vitest',
      testRunnerNodeArgs: [],
      vitest: { configFile: 'test/mutation/vitest.config.ts', pool: 'forks', related: !of.processes },
      coverageAnalysis: 'perTest',
      ignoreStatic: !of.loading,
      ignorers: ['texts'],
      checkers: sample ? ['sampler'] : [],
      // Each test file starts servers of its own.
      concurrency: 1,
      timeoutMS: 15_000,
      timeoutFactor: 3,
      dryRunTimeoutMinutes: 30,
      incremental: true,
      force: fresh,
      incrementalFile: join(RESULTS, `${run}.incremental.json`),
      reporters: ['json', 'progress-append-only', 'survivors'],
      jsonReporter: { fileName: report },
      allowConsoleColors: false,
      cleanTempDir: 'always',
      thresholds: { high: 100, low: 0, break: null },
    };
    await runStryker(options);
  } finally {
    process.chdir(ROOT);
  }
  return readReport(report);
}

type Options = ConstructorParameters<typeof Stryker>[0];

/** A test that fails without a mutant may have met a moment in which the machine stood still: nothing is judged by then. */
async function runStryker(options: Options, tries = 3): Promise<void> {
  try {
    await new Stryker(options).runMutationTest();
  } catch (error) {
    if (tries === 1 || !String(error).includes('initial test run')) throw error;
    await runStryker(options, tries - 1);
  }
}

/** The line that brings in in-process.ts, at the beginning of each mutated file: on its first line, so that the others keep their numbers. */
function putInFront(file: string): void {
  const up = '../'.repeat(file.split('/').length - 1);
  writeFileSync(file, `import '${up}test/mutation/in-process.ts'; ${readFileSync(file, 'utf8')}`);
}

const IN_FRONT = /^import '[./]*test\/mutation\/in-process.ts'; /;

interface Position {
  line: number;
  column: number;
}

interface StrykerReport {
  files: Record<
    string,
    {
      source: string;
      mutants: {
        mutatorName: string;
        replacement?: string;
        status: string;
        location: { start: Position; end: Position };
      }[];
    }
  >;
}

const STATUS: Record<string, Mutant['status']> = {
  Killed: 'killed',
  Timeout: 'timed out',
  Survived: 'survived',
  NoCoverage: 'not covered',
  RuntimeError: 'killed',
  CompileError: 'invalid',
};

export function readReport(file: string): Mutant[] {
  if (!existsSync(file)) throw new Error(`Stryker left no ${file}`);
  const { files } = JSON.parse(readFileSync(file, 'utf8')) as StrykerReport;
  return Object.entries(files).flatMap(([path, { source, mutants }]) => {
    const lines = source.split('\n');
    return mutants
      .filter(({ status }) => status in STATUS)
      .map(({ location: { start, end }, replacement = '', status }) => ({
        file: path,
        line: start.line,
        text: lines[start.line - 1]!.replace(IN_FRONT, '').trim(),
        change: describeChange(textBetween(lines, start, end), replacement),
        status: STATUS[status]!,
      }));
  });
}

function textBetween(lines: string[], start: Position, end: Position): string {
  const part = lines.slice(start.line - 1, end.line);
  part[part.length - 1] = part.at(-1)!.slice(0, end.column - 1);
  part[0] = part[0]!.slice(start.column - 1);
  return part.join('\n');
}
