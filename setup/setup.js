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
const say = (line) => console.error(line);

/**
 * Whether this mode needs a redis-server on this machine. Tests start servers of their own, whatever REDIS_URL says.
 * @param {Mode} mode
 * @param {NodeJS.ProcessEnv} env
 */
export const needsRedis = (mode, env) => mode === 'test' || (mode === 'start' && !env['REDIS_URL']);

/**
 * Does what is missing, under the lock. Redis comes first: it is the part that may need the person at the terminal.
 * @param {Mode} mode
 * @param {NodeJS.ProcessEnv} env
 */
export async function setUp(mode, env) {
  const redis = needsRedis(mode, env);
  if (packagesReady(ROOT) && (!redis || redisReady(env))) return;
  const unlock = await lockFolder(FOLDER, () => say('Another set-up is at work in this folder; waiting for it …'));
  try {
    if (redis) await installRedis(ROOT, env, () => say('Installing Redis (apt-get install redis-server) …'));
    if (!packagesReady(ROOT)) {
      const begun = Date.now();
      say('Installing packages (npm ci) …');
      await installPackages(ROOT, env);
      say(`Packages installed in ${Math.round((Date.now() - begun) / 1000)} s.`);
    }
  } finally {
    unlock();
  }
}

/** @param {string | undefined} mode */
export async function main(mode) {
  if (mode !== 'start' && mode !== 'test' && mode !== 'packages') {
    say('usage: node setup/main.js start|test|packages');
    process.exitCode = 2;
    return;
  }
  try {
    await setUp(mode, process.env);
  } catch (error) {
    if (error instanceof Interrupted) {
      process.exitCode = 128 + constants.signals[error.signal];
    } else if (error instanceof SetupFailure) {
      say(`${error.message}\n\nThe set-up did not end well; run the same command again when that is mended.`);
      process.exitCode = 1;
    } else {
      throw error;
    }
  }
}
