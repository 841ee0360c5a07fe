// @ts-check
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';

/**
 * Locks a clone for one set-up at a time. The lock is a flock(2) on the `setup` folder, which util-linux's `flock` acquires on
 * a descriptor shared with this process. The kernel releases it however this process ends, and no lock file can be left
 * behind. Without `flock` (every Debian has it) nothing is locked.
 * @param {string} folder
 * @param {() => void} onWait called once when another set-up has the lock
 * @returns {Promise<() => void>} releases the lock
 */
export async function lockFolder(folder, onWait) {
  const descriptor = openSync(folder, 'r');
  /** @param {string[]} flags */
  const flock = (flags) =>
    new Promise((resolve) => {
      const child = spawn('flock', [...flags, '3'], { stdio: ['ignore', 'ignore', 'ignore', descriptor] });
      child.once('error', () => resolve(true));
      child.once('close', (code) => resolve(code === 0));
    });
  if (!(await flock(['-n']))) {
    onWait();
    await flock([]);
  }
  return () => closeSync(descriptor);
}
