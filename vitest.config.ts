import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // A test or suite marked `only` fails, so that no run passes with the others left out.
    allowOnly: false,
    include: [
      '{apps,packages}/*/src/**/*.test.ts',
      'test/**/*.test.ts',
      'bench/**/*.test.ts',
      'setup/**/*.test.ts',
      'docs/**/*.test.ts',
    ],
    // They need a Vulkan driver, Chromium or an earlier release: npm run test:webgpu, test:browser, test:upgrade.
    exclude: ['test/webgpu/**', 'test/browser/**', 'test/upgrade/**', '**/node_modules/**'],
    globalSetup: ['test/support/global-setup.ts'],
    // What is printed is compared without colours, also where the caller's environment asks for them. Node reads FORCE_COLOR first.
    env: { NO_COLOR: '1', FORCE_COLOR: '0' },
    // Real processes, real Redis and real models: a slow machine needs room, a hung test must still end.
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Its default is a second. A machine with other things to do may run nothing of ours for several, and a condition that is met ends the
    // wait. Where the documentation says how long something takes, the test says its own.
    expect: { poll: { timeout: 10_000 } },
    // Two files at a time: each may start engines and servers of its own.
    maxWorkers: 2,
  },
});
