/** What `npm run mutate -- PACKAGE` mutates, and which tests judge the mutants. */

export interface MutatedPackage {
  /** Globs of the files that hold promises, from the repository's root; one that begins with `!` takes files out again. */
  files: string[];
  /** Globs of the test files that judge them. */
  tests: string[];
  /** Test files that take too long for every mutant, and kill few of them. */
  without?: string[];
  /**
   * Whether what runs only while a module loads is mutated too: tables, schemas, constants. Every such mutant takes all tests of
   * the file, so only where these are quick.
   */
  loading: boolean;
  /** Tests judge files that they do not import: those of processes that they start. */
  processes?: boolean;
}

const NO_TESTS = ['!**/*.test.ts', '!**/testing/**'];

const wholePackage = (name: string, more: Partial<MutatedPackage> = {}): MutatedPackage => ({
  tests: [`packages/${name}/src/**/*.test.ts`],
  loading: true,
  ...more,
  // A barrel has nothing to break.
  files: [`packages/${name}/src/**/*.ts`, '!**/index.ts', ...NO_TESTS, ...(more.files ?? [])],
});

export const PACKAGES: Record<string, MutatedPackage> = {
  queue: wholePackage('queue', {
    // Numbers and names alone: Stryker changes no number.
    files: ['!packages/queue/src/{constants,texts,storage}.ts'],
    // Minutes for each mutant that the others let live.
    without: [
      'packages/queue/src/crash-at-each-command.test.ts',
      'packages/queue/src/{batch,camera}/random-sequences.test.ts',
      'packages/queue/src/lane/fairness.test.ts',
    ],
    loading: false,
  }),
  source: wholePackage('source', { files: ['!**/conformance/**', '!**/*.arbitrary.ts'], loading: false }),
  // The texts of the OpenAPI document; docs/pages.test.ts compares the whole with docs/openapi.json.
  schema: wholePackage('schema', { files: ['!packages/schema/src/openapi/**'] }),
  pipeline: wholePackage('pipeline', { loading: false }),
  client: wholePackage('client', { loading: false }),
  api: {
    files: ['apps/api/src/{body,auth,jobs}/**/*.ts', ...NO_TESTS],
    tests: ['apps/api/src/**/*.test.ts'],
    // Half a minute for each mutant that the others let live. They look at what comes after a body, a key or a job has been read.
    without: [
      'apps/api/src/main.test.ts',
      'apps/api/src/streaming/stalled-readers.test.ts',
      'apps/api/src/{admission,cameras}/*.test.ts',
      'apps/api/src/batches/{batches,memory,results}.test.ts',
      'apps/api/src/system/{desired-workers,system,system-page}.test.ts',
    ],
    loading: false,
  },
  worker: {
    files: ['apps/worker/src/engines/**/*.ts', ...NO_TESTS],
    tests: ['apps/worker/src/engines/*.test.ts', 'apps/worker/src/{worker,config}.test.ts'],
    // Three minutes for each mutant that the others let live: its workers load the real models.
    without: ['apps/worker/src/worker.test.ts'],
    loading: false,
    processes: true,
  },
  fixture: {
    files: ['test/mutation/fixture/{share,limit}.ts'],
    tests: ['test/mutation/fixture/{share,limit}.test.ts'],
    loading: true,
    processes: true,
  },
};

/** The same for scripts. */
export type MutatedScripts = Pick<MutatedPackage, 'files' | 'tests' | 'without'>;
export const LUA: Record<string, MutatedScripts> = {
  lua: {
    files: ['packages/queue/src/**/*.lua'],
    tests: ['packages/queue/src/**/*.test.ts'],
    // A minute for each mutant that the others let live: they kill and stop processes and Redis, or wait for the sweep of every second.
    without: [
      'crash-at-each-command',
      'gateway-queue',
      'outages',
      'batch/outages',
      'bullmq/consumer',
      'job/idempotency',
      'sweep/sweeper',
    ].map((name) => `packages/queue/src/${name}.test.ts`),
  },
  'lua-fixture': { files: ['test/mutation/fixture/*.lua'], tests: ['test/mutation/fixture/double.test.ts'] },
};
