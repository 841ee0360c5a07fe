/** Continues `serve` as a small process: it only waits, for days, so what reading its command line and settings took must not stay in memory. */
import type { ServeConfig } from '../config.ts';
import { withCodeCache } from './code-cache.ts';
import { configArgument } from './config.ts';

/** It makes little garbage: with V8's default, 16 MB, its young generation would take 10 MB more. */
const FLAGS = ['--max-semi-space-size=1'];

/**
 * Replaces this process by one that runs `main.ts` beside this file, under the same process id: 75 MB instead of 130. Returns where that is
 * impossible: on Windows, and for a parent that listens to this process over IPC.
 */
export function continueAsSmallProcess(config: ServeConfig): void {
  if (process.execve === undefined || process.channel) return;
  const program = new URL('./main.ts', import.meta.url).pathname;
  const args = [process.execPath, ...process.execArgv, ...FLAGS, program, configArgument(config)];
  process.execve(process.execPath, args, withCodeCache(config.environment));
}
