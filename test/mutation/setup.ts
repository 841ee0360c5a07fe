/**
 * A setup file of vitest, after Stryker's own: its runner knows neither processes that tests start nor hooks of whole files. What
 * `beforeAll` comes by counts for every test of the file here; Stryker would take it for code that runs only while modules load.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, inject, vi } from 'vitest';
import { COVERAGE_FOLDER, type Hits, MUTANT_FILE, namespace, WRITE_MS } from './in-process.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Stryker's runner provides them. */
    mode: 'dry-run' | 'mutant';
    activeMutant: string;
    testNameSeparator: string;
  }
}

/** As much of a vitest task as is looked at. */
interface Task {
  name: string;
  type: string;
  tasks?: Task[];
}

const BETWEEN_TESTS = 'between tests';

function attributeHits(): void {
  const stryker = namespace();
  let loading = true;
  let test: string | undefined;
  Object.defineProperty(stryker, 'currentTestId', {
    configurable: true,
    get: () => test ?? (loading ? undefined : BETWEEN_TESTS),
    set: (id: string | undefined) => {
      test = id;
    },
  });
  const hitsOf = (id: string): Hits => {
    stryker.mutantCoverage ??= { static: {}, perTest: {} };
    stryker.mutantCoverage.perTest[id] ??= {};
    return stryker.mutantCoverage.perTest[id];
  };
  const processes = new ProcessHits();

  beforeAll(() => {
    loading = false;
  });
  // Stryker's setup file comes before this one, so its hooks after a test or file run after these.
  afterEach(async () => {
    await processes.addTo(hitsOf(stryker.currentTestId!));
  });
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from the pattern which fixtures the hook needs
  afterAll(async ({}, file) => {
    const between = hitsOf(BETWEEN_TESTS);
    await processes.addTo(between);
    const { filepath, tasks } = file as unknown as { filepath: string; tasks: Task[] };
    for (const name of testNames(tasks)) add(between, hitsOf(`${filepath}#${name}`));
    delete stryker.mutantCoverage!.perTest[BETWEEN_TESTS];
  });
}

function testNames(tasks: Task[], parents: string[] = []): string[] {
  return tasks.flatMap(({ name, type, tasks: inner }) =>
    type === 'suite'
      ? testNames(inner!, [...parents, name])
      : [...parents, name].join(inject('testNameSeparator')).trim(),
  );
}

function add(hits: Hits, to: Hits): void {
  for (const [mutant, count] of Object.entries(hits)) to[mutant] = (to[mutant] ?? 0) + count;
}

/** What processes that tests started have come by since it was last asked. */
class ProcessHits {
  readonly #counted = new Map<string, Hits>();

  async addTo(hits: Hits): Promise<void> {
    if (!existsSync(COVERAGE_FOLDER)) return;
    await sleep(2 * WRITE_MS);
    for (const name of readdirSync(COVERAGE_FOLDER)) {
      if (!name.endsWith('.json')) continue;
      const now = JSON.parse(readFileSync(`${COVERAGE_FOLDER}/${name}`, 'utf8')) as Hits;
      const before = this.#counted.get(name) ?? {};
      for (const [mutant, count] of Object.entries(now))
        if (count > (before[mutant] ?? 0)) add({ [mutant]: count - (before[mutant] ?? 0) }, hits);
      this.#counted.set(name, now);
    }
  }
}

/** Many times what a test takes when nothing is broken, ms. Stryker's own limit, for all tests of a mutant together, is minutes. */
const TEST_LIMIT_MS = 30_000;

if (inject('mode') === 'mutant') {
  vi.setConfig({ testTimeout: TEST_LIMIT_MS, hookTimeout: TEST_LIMIT_MS });
  mkdirSync(dirname(MUTANT_FILE), { recursive: true });
  writeFileSync(MUTANT_FILE, inject('activeMutant'));
} else {
  rmSync(MUTANT_FILE, { force: true });
  attributeHits();
  // What a module runs while it loads is judged by no single test, even if one is the first to load it by `import()`. A test that
  // replaces modules must load them itself.
  const replaces = readFileSync(expect.getState().testPath!, 'utf8').includes('vi.mock(');
  const preloaded = replaces ? [] : (JSON.parse(process.env['MUTATION_PRELOADED'] ?? '[]') as string[]);
  for (const file of preloaded) await import(file);
}
