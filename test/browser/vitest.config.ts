import { defineConfig } from 'vitest/config';

/** The client in a real browser: needs Chromium, so it has a command of its own (npm run test:browser). */
export default defineConfig({
  test: {
    // A test or suite marked `only` fails, so that no run passes with the others left out.
    allowOnly: false,
    include: ['test/browser/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
