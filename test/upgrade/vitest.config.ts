import { defineConfig } from 'vitest/config';

/** The last release beside the working tree: npm run test:upgrade. It installs that release, which takes npm's registry once. */
export default defineConfig({
  test: {
    // A test or suite marked `only` fails, so that no run passes with the others left out.
    allowOnly: false,
    include: ['test/upgrade/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts', 'test/upgrade/global-setup.ts'],
    // Each takes a second or two.
    testTimeout: 20_000,
    hookTimeout: 300_000,
    maxWorkers: 1,
  },
});
