// @ts-check
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';

/**
 * Takes the set-up's lock: one set-up works on a clone at a time. It is a flock(2) on the `setup` folder, taken by
 * util-linux's `flock` on a descriptor it shares with this process, so the kernel frees it however this process ends
 * and no lock file can be left behind. Where there is no `flock` (it is on every Debian) nothing is locked.
 * @param {string} folder
 * @param {() => void} onWait called once when another set-up holds it
 * @returns {Promise<() => void>} gives it back
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
