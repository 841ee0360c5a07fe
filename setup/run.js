// @ts-check
import { spawn } from 'node:child_process';
import { Interrupted, SetupFailure } from './failure.js';

/** @type {NodeJS.Signals[]} */
const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** The process that started this one. */
const PARENT = process.ppid;

/** Number of last lines of a failed command's output that are printed; they have the reason. */
const LAST_LINES = 40;

/**
 * Runs a command and prints its output only when it fails.
 * The command runs in a process group of its own, which lets all of it be killed. npm forwards SIGTERM to the shell that
 * started this process but not to this process, so the end of the parent counts as SIGTERM. The group is killed outright:
 * npm would spend seconds on a rollback although the next set-up starts over.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ env: NodeJS.ProcessEnv, cwd: string, interruptible?: boolean }} options interruptible: false lets the command
 *   finish before a signal takes effect (an interrupted dpkg needs repair by hand)
 * @returns {Promise<string>} its output
 * @throws {SetupFailure} with the last lines of its output when it fails or is missing
 * @throws {Interrupted}
 */
export async function run(command, args, { env, cwd, interruptible = true }) {
  /** @type {NodeJS.Signals | undefined} */
  let received;
  /** @param {NodeJS.Signals} signal */
  const end = (signal) => {
    if (received) return;
    received = signal;
    if (interruptible && child.pid) {
      try {
        process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It has already ended.
      }
    }
  };
  // Listen before the command runs: a signal can arrive as soon as it does.
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
    if (received) throw new Interrupted(received);
    if (status === 0) return output;
    const lines = output.trimEnd().split('\n').slice(-LAST_LINES);
    throw new SetupFailure([...lines, `\`${[command, ...args].join(' ')}\` failed (${status}).`].join('\n'));
  } finally {
    clearInterval(watch);
    for (const signal of ENDING) process.removeListener(signal, end);
  }
}
