import { defineConfig } from 'vitest/config';
import LikelyKillersFirst from './sequencer.ts';

const list = (name: string): string[] => JSON.parse(process.env[name] ?? '[]') as string[];

/** The tests that judge mutants; `npm run mutate` says which. */
export default defineConfig({
  test: {
    include: list('MUTATION_TESTS'),
    exclude: [...list('MUTATION_WITHOUT'), '**/node_modules/**'],
    globalSetup: ['test/support/global-setup.ts'],
    setupFiles: ['test/mutation/setup.ts'],
    // For the first run, in which nothing is broken; setup.ts has those for the others.
    testTimeout: 300_000,
    hookTimeout: 120_000,
    maxWorkers: 1,
    sequence: { sequencer: LikelyKillersFirst },
  },
});
