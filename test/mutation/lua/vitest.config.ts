import { defineConfig } from 'vitest/config';

/** The tests that judge mutants of the Lua scripts. */
export default defineConfig({
  test: {
    include: ['**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    setupFiles: ['test/mutation/lua/setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    maxWorkers: 1,
  },
});
