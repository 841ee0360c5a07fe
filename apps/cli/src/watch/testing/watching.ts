import { spawn } from 'node:child_process';
import { once } from 'node:events';

const MAIN = new URL('../../main.ts', import.meta.url).pathname;

/** A running `facequeue watch`. */
export interface Watching {
  stdout(): string;
  stderr(): string;
  kill(signal: NodeJS.Signals): void;
  /** The exit code, once all output has arrived. */
  readonly code: Promise<number | null>;
}

export function startWatch(args: string[], env: Record<string, string>): Watching {
  const child = spawn(process.execPath, [MAIN, 'watch', ...args], { env: { ...process.env, ...env } });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk) => (stdout += chunk));
  child.stderr.on('data', (chunk) => (stderr += chunk));
  return {
    stdout: () => stdout,
    stderr: () => stderr,
    kill: (signal) => void child.kill(signal),
    code: once(child, 'close').then(([code]) => code),
  };
}
