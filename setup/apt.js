// @ts-check
/** Installs programs from the system's packages. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { SetupFailure } from './failure.js';
import { run } from './run.js';

/** The means by which this machine can install a package. */
/** @typedef {{ apt: boolean, root: boolean, sudo: boolean }} Means */

/**
 * @param {string} name
 * @param {string | undefined} path
 * @returns {string | null} path of the program
 */
export function findProgram(name, path) {
  return (
    (path ?? '')
      .split(delimiter)
      .filter(Boolean)
      .map((folder) => join(folder, name))
      .find((file) => existsSync(file)) ?? null
  );
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {Means}
 */
export function meansOf(env) {
  const sudo = () => {
    try {
      execFileSync('sudo', ['-n', 'true'], { stdio: 'ignore' });
      return true;
    } catch {
      return false;
    }
  };
  const apt = findProgram('apt-get', env['PATH']) !== null;
  const root = process.getuid?.() === 0;
  return { apt, root, sudo: apt && !root && sudo() };
}

/**
 * @param {Means} means
 * @returns {string[] | null} the words before a command that needs root; null where this user cannot run one
 */
export function prefixOf({ apt, root, sudo }) {
  if (apt && root) return [];
  return apt && sudo ? ['sudo', '-n'] : null;
}

/**
 * Runs a command as root; signals do not interrupt it.
 * @param {string[]} prefix from `prefixOf`
 * @param {{ root: string, env: NodeJS.ProcessEnv }} place
 * @param {string[]} words
 * @throws {SetupFailure}
 */
export function asRoot(prefix, { root, env }, words) {
  const [command, ...args] = [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', ...words];
  return run(/** @type {string} */ (command), args, { cwd: root, env, interruptible: false });
}

/**
 * Installs a package.
 * @param {string} name
 * @param {string[]} prefix
 * @param {{ root: string, env: NodeJS.ProcessEnv }} place
 * @throws {SetupFailure}
 */
export async function aptInstall(name, prefix, place) {
  // The installation may work although the update fails: one mirror is down, or the packages are cached.
  const updated = await asRoot(prefix, place, ['apt-get', 'update', '-qq']).then(
    () => '',
    (error) => {
      if (error instanceof SetupFailure) return `${error.message}\n`;
      throw error;
    },
  );
  try {
    await asRoot(prefix, place, [
      ...['apt-get', 'install', '-y', '-qq', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300'],
      name,
    ]);
  } catch (error) {
    throw error instanceof SetupFailure ? new SetupFailure(updated + error.message) : error;
  }
}
