// @ts-check
/** Runs a command within a time limit, and ends every process that it leaves behind. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';

/** Begins a variable in the environment of a command and of all its descendants, whichever group or session they are in. */
const MARK = 'CI_CHECK_';

/** @type {(() => void) | null} */
let killCurrent = null;

/** Kills the command in progress, if any. */
export const killRunning = () => killCurrent?.();

/**
 * @param {string[]} words
 * @param {{ cwd: string, env?: NodeJS.ProcessEnv, limitMs: number, log: string, daemons?: boolean }} options
 *   log: gets all output; daemons: what the command started may run on, unless the time is over
 * @returns {Promise<{ status: number | null, timedOut: boolean }>} status null: it did not start, or was killed
 */
export async function runLimited([command = '', ...args], { cwd, env = {}, limitMs, log, daemons = false }) {
  // A name of its own: a command that runs limited commands itself adds theirs.
  const mark = `${MARK}${randomUUID().replaceAll('-', '')}`;
  const output = openSync(log, 'w');
  try {
    // A file, not a pipe: a process that is left behind would keep a pipe open.
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env, [mark]: '1' },
      stdio: ['ignore', output, output],
      detached: true,
    });
    let timedOut = false;
    killCurrent = () => killAll(child.pid, `${mark}=1`);
    const timer = setTimeout(() => {
      timedOut = true;
      killCurrent?.();
    }, limitMs);
    const status = await new Promise((resolve) => {
      child.once('error', () => resolve(null));
      child.once('exit', (code) => resolve(code));
    });
    clearTimeout(timer);
    // A test that timed out leaves its servers, which would slow down what follows.
    if (!daemons) killCurrent();
    killCurrent = null;
    return { status: timedOut ? null : status, timedOut };
  } finally {
    closeSync(output);
  }
}

/**
 * @param {number | undefined} group
 * @param {string} mark
 */
function killAll(group, mark) {
  if (group !== undefined) kill(-group);
  // Services and browsers lead groups of their own. Until none is found: one may be starting another.
  for (let round = 0; round < 10; round++) {
    const pids = marked(mark);
    if (pids.length === 0) return;
    for (const pid of pids) kill(pid);
  }
}

/** @param {number} pid negative: its group */
function kill(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

/** @param {string} mark */
function marked(mark) {
  return processIds().filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(mark);
    } catch {
      return false;
    }
  });
}

/** Empty on systems without /proc. */
function processIds() {
  try {
    return readdirSync('/proc').map(Number).filter(Number.isInteger);
  } catch {
    return [];
  }
}
