// @ts-check
import { spawn } from 'node:child_process';
import { Interrupted, SetupFailure } from './failure.js';

/** @type {NodeJS.Signals[]} */
const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** Who started us, as soon as we can know. */
const PARENT = process.ppid;

/** The last lines of a failed command are where it says why. */
const SHOWN_LINES = 40;

/**
 * Runs a command without showing what it prints, unless it fails.
 * It runs in a process group of its own, so that all of it can be ended: npm passes a SIGTERM on to the shell that
 * started us but not to us, so the end of our parent counts as one. It is killed outright: npm would take seconds to
 * roll back what the next set-up does anew anyway.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ env: NodeJS.ProcessEnv, cwd: string, interruptible?: boolean }} options interruptible: false lets the command
 *   finish before a signal is obeyed (an interrupted dpkg has to be repaired by hand)
 * @returns {Promise<string>} what it printed
 * @throws {SetupFailure} with its last lines when it fails or is not there
 * @throws {Interrupted}
 */
export async function run(command, args, { env, cwd, interruptible = true }) {
  /** @type {NodeJS.Signals | undefined} */
  let asked;
  /** @param {NodeJS.Signals} signal */
  const end = (signal) => {
    if (asked) return;
    asked = signal;
    if (interruptible && child.pid) {
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It ended on its own meanwhile.
      }
    }
  };
  // We listen before the command runs: whoever sees it run may end us at once.
  for (const signal of ENDING) process.on(signal, end);
  const child = spawn(command, args, { env, cwd, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const watch = setInterval(() => process.ppid !== PARENT && end('SIGTERM'), 200);
  try {
    let output = '';
    child.stdout.on('data', (chunk) => (output += chunk));
    child.stderr.on('data', (chunk) => (output += chunk));
    const status = await new Promise((resolve, reject) => {
      child.once('error', (error) => reject(new SetupFailure(`${command} could not be run: ${error.message}`)));
      child.once('close', (code, signal) => resolve(code ?? signal));
    });
    if (asked) throw new Interrupted(asked);
    if (status === 0) return output;
    const lines = output.trimEnd().split('\n').slice(-SHOWN_LINES);
    throw new SetupFailure([...lines, `\`${[command, ...args].join(' ')}\` failed (${status}).`].join('\n'));
  } finally {
    clearInterval(watch);
    for (const signal of ENDING) process.removeListener(signal, end);
  }
}
