/** What many runs of test files came to. */

export interface Failure {
  /** Full name of the test, or what else failed: the file itself, or something outside its tests. */
  test: string;
  message: string;
}

/** One run of one file. */
export interface FileRun {
  file: string;
  ms: number;
  failures: Failure[];
}

/** An error outside any test, such as an unhandled rejection. */
export interface Outside {
  /** The file it came from; null where vitest does not know it. */
  file: string | null;
  message: string;
}

interface FileStats {
  runs: number;
  /** Runs in which something failed. */
  failed: number;
  slowestMs: number;
  /** Failing tests by name: how often, and the message of the first time. */
  tests: Map<string, { times: number; first: string }>;
}

export class RunStats {
  readonly #files: Map<string, FileStats>;

  /** @param files those that are to run, in the order of the table */
  constructor(files: readonly string[]) {
    this.#files = new Map(files.map((file) => [file, { runs: 0, failed: 0, slowestMs: 0, tests: new Map() }]));
  }

  add({ file, ms, failures }: FileRun): void {
    const stats = this.#files.get(file)!;
    stats.runs++;
    if (failures.length) stats.failed++;
    stats.slowestMs = Math.max(stats.slowestMs, ms);
    for (const { test, message } of failures) {
      const seen = stats.tests.get(test);
      if (seen) seen.times++;
      else stats.tests.set(test, { times: 1, first: message });
    }
  }

  get failed(): boolean {
    return [...this.#files.values()].some(({ failed }) => failed > 0);
  }

  /** The table of files, then each failing test with its first failure. */
  toString(): string {
    const lines = ['| file | runs | failed | slowest |', '|---|---|---|---|'];
    for (const [file, { runs, failed, slowestMs }] of this.#files) {
      lines.push(`| ${file} | ${runs} | ${failed} | ${(slowestMs / 1000).toFixed(1)} s |`);
    }
    for (const [file, { runs, tests }] of this.#files) {
      for (const [test, { times, first }] of tests) {
        lines.push('', `${file} > ${test}: failed in ${times} of ${runs} runs, first with:`, first);
      }
    }
    return lines.join('\n');
  }
}

/**
 * The runs to count when a vitest process has ended: none passes by not being heard of.
 * @param files what it was to run
 * @param runs what it reported
 * @param outside an error of an unknown file fails all of them
 * @param end how it ended, such as `status 1`
 */
export function settle(
  files: readonly string[],
  runs: readonly FileRun[],
  outside: readonly Outside[],
  end: string,
): FileRun[] {
  const settled = files.map((file): FileRun => {
    const run = runs.find((each) => each.file === file);
    if (!run) return { file, ms: 0, failures: [{ test: 'the run', message: `vitest ended with ${end} before it` }] };
    const own = outside.filter((error) => error.file === file || error.file === null);
    return {
      ...run,
      failures: [...run.failures, ...own.map(({ message }) => ({ test: 'outside its tests', message }))],
    };
  });
  if (end === 'status 0' || settled.some(({ failures }) => failures.length)) return settled;
  const failure = { test: 'the run', message: `vitest ended with ${end} and named no failure` };
  return settled.map((run) => ({ ...run, failures: [failure] }));
}
