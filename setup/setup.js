// @ts-check
import { constants } from 'node:os';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Interrupted, SetupFailure } from './failure.js';
import { lockFolder } from './lock.js';
import { installPackages, packagesReady } from './packages.js';
import { installRedis, redisReady } from './redis.js';

const FOLDER = dirname(fileURLToPath(import.meta.url));
const ROOT = dirname(FOLDER);

/** @typedef {'start' | 'test' | 'packages'} Mode */

/** @param {string} line */
const print = (line) => console.error(line);

/**
 * Whether this mode needs a redis-server on this machine. Tests start their own, whatever REDIS_URL is.
 * @param {Mode} mode
 * @param {NodeJS.ProcessEnv} env
 */
export const needsRedis = (mode, env) => mode === 'test' || (mode === 'start' && !env['REDIS_URL']);

/**
 * Does the missing steps, under the lock. Redis comes first: it may need the person at the terminal.
 * @param {Mode} mode
 * @param {NodeJS.ProcessEnv} env
 */
export async function setUp(mode, env) {
  const redis = needsRedis(mode, env);
  if (packagesReady(ROOT) && (!redis || redisReady(env))) return;
  const unlock = await lockFolder(FOLDER, () => print('Another set-up is running in this folder; waiting for it …'));
  try {
    if (redis) await installRedis(ROOT, env, () => print('Installing Redis (apt-get install redis-server) …'));
    if (!packagesReady(ROOT)) {
      const startedAt = Date.now();
      print('Installing packages (npm ci) …');
      await installPackages(ROOT, env);
      print(`Packages installed in ${Math.round((Date.now() - startedAt) / 1000)} s.`);
    }
  } finally {
    unlock();
  }
}

/** @param {string | undefined} mode */
export async function main(mode) {
  if (mode !== 'start' && mode !== 'test' && mode !== 'packages') {
    print('usage: node setup/main.js start|test|packages');
    process.exitCode = 2;
    return;
  }
  try {
    await setUp(mode, process.env);
  } catch (error) {
    if (error instanceof Interrupted) {
      process.exitCode = 128 + constants.signals[error.signal];
    } else if (error instanceof SetupFailure) {
      print(`${error.message}\n\nSet-up failed. Fix the problem above, then run the same command again.`);
      process.exitCode = 1;
    } else {
      throw error;
    }
  }
}
