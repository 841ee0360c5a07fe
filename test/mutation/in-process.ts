/**
 * Imported first by every mutated file of the copy (typescript.ts puts the line in). In a process that a test has started, it
 * activates the mutant, and in the run without one it writes down which mutants the process has come by. Nothing of it needs the
 * environment, as tests give their processes one of their own.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** What Stryker's instrumented code reads and writes. */
export interface Namespace {
  activeMutant?: string | undefined;
  currentTestId?: string | undefined;
  mutantCoverage?: { static: Hits; perTest: Record<string, Hits> };
}

/** How often each mutant was come by. */
export type Hits = Record<string, number>;

interface Globals {
  __stryker__?: Namespace;
  __vitest_worker__?: unknown;
}

const folder = fileURLToPath(new URL('../../.mutation', import.meta.url));
export const MUTANT_FILE = `${folder}/mutant`;
export const COVERAGE_FOLDER = `${folder}/coverage`;
/** How often a process writes its counts, ms. */
export const WRITE_MS = 50;

export function namespace(): Namespace {
  const globals = globalThis as Globals;
  globals.__stryker__ ??= {};
  return globals.__stryker__;
}

if (!(globalThis as Globals).__vitest_worker__) {
  const mutant = activeMutant();
  if (mutant) namespace().activeMutant = mutant;
  else recordCoverage();
}

function activeMutant(): string | null {
  try {
    return readFileSync(MUTANT_FILE, 'utf8');
  } catch {
    return null;
  }
}

function recordCoverage(): void {
  mkdirSync(COVERAGE_FOLDER, { recursive: true });
  const file = `${COVERAGE_FOLDER}/${process.pid}-${process.hrtime.bigint()}`;
  let written = '';
  const hits: Hits = {};
  const write = () => {
    const text = JSON.stringify(hits);
    if (text === written) return;
    written = text;
    writeFileSync(`${file}.part`, text);
    renameSync(`${file}.part`, `${file}.json`);
  };
  // At the first hit at once: a process may be killed right after what it ran last.
  const noted = new Proxy(hits, {
    set(_, mutant: string, count: number) {
      const isFirst = !(mutant in hits);
      hits[mutant] = count;
      if (isFirst) write();
      return true;
    },
  });
  namespace().mutantCoverage = { static: noted, perTest: {} };
  setInterval(write, WRITE_MS).unref();
  process.on('exit', write);
}
