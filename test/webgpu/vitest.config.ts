import { defineConfig } from 'vitest/config';

/** The software-GPU run: seconds per image, so it has a command of its own (npm run test:webgpu). */
export default defineConfig({
  test: {
    // A test or suite marked `only` fails, so that no run passes with the others left out.
    allowOnly: false,
    include: ['test/webgpu/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});
