// @ts-check
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { aptInstall, asRoot, findProgram, meansOf, prefixOf } from './apt.js';
import { SetupFailure } from './failure.js';

/** Oldest Redis that has all commands of the queue's scripts. */
const OLDEST = [6, 2];

/** @typedef {import('./apt.js').Means} Means */

/**
 * The step that leads to a Redis that is new enough.
 * @param {string | null} versionText output of `redis-server --version`; null when there is none
 * @param {Means} means
 * @returns {{ kind: 'ready' } | { kind: 'install', prefix: string[] } | { kind: 'report', message: string }}
 */
export function redisPlan(versionText, means) {
  const oldest = OLDEST.join('.');
  const otherwise = `or set REDIS_URL to one that runs elsewhere (redis://host:6379), version ${oldest} or newer.`;
  if (versionText !== null) {
    const match = /\bv=(\d+)\.(\d+)/.exec(versionText);
    if (!match) return { kind: 'report', message: `redis-server --version prints no version: ${versionText.trim()}` };
    const [major, minor] = [Number(match[1]), Number(match[2])];
    if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return { kind: 'ready' };
    return {
      kind: 'report',
      message: `redis-server on this machine is version ${major}.${minor}; ${oldest} or newer is needed. Install a newer one,\n${otherwise}`,
    };
  }
  const prefix = prefixOf(means);
  if (prefix) return { kind: 'install', prefix };
  const how = means.apt
    ? 'sudo apt-get update && sudo apt-get install -y --no-install-recommends redis-server'
    : "install your system's Redis, so that `redis-server` is found";
  return {
    kind: 'report',
    message: `Facequeue needs Redis and cannot install it without root. Run\n  ${how}\n${otherwise}`,
  };
}

/**
 * @param {NodeJS.ProcessEnv} env
 * @returns {string | null}
 */
function installedVersion(env) {
  const program = findProgram('redis-server', env['PATH']);
  if (!program) return null;
  try {
    return execFileSync(program, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  } catch (error) {
    throw new SetupFailure(`${program} does not run: ${error instanceof Error ? error.message : error}`);
  }
}

/** @param {NodeJS.ProcessEnv} env */
export function redisReady(env) {
  const version = installedVersion(env);
  return version !== null && redisPlan(version, { apt: false, root: false, sudo: false }).kind === 'ready';
}

/**
 * Installs Redis from the system's packages if this user may.
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 * @param {() => void} onInstall called once before anything is installed
 * @throws {SetupFailure} with the command to run if not
 */
export async function installRedis(root, env, onInstall) {
  const plan = redisPlan(installedVersion(env), meansOf(env));
  if (plan.kind === 'ready') return;
  if (plan.kind === 'report') throw new SetupFailure(plan.message);
  onInstall();
  const place = { root, env };
  await aptInstall('redis-server', plan.prefix, place);
  await stopService((...words) => asRoot(plan.prefix, place, words));

  const after = redisPlan(installedVersion(env), { apt: false, root: false, sudo: false });
  if (after.kind === 'report') throw new SetupFailure(after.message);
}

/**
 * Stops the Redis service that the package has just started on port 6379 and enabled at boot: Facequeue runs a Redis of its
 * own. A failure is ignored, since Redis is installed.
 * @param {(...words: string[]) => Promise<string>} asRoot
 */
async function stopService(asRoot) {
  const commands = existsSync('/run/systemd/system')
    ? [['systemctl', 'disable', '--now', 'redis-server.service']]
    : [
        ['service', 'redis-server', 'stop'],
        ['update-rc.d', 'redis-server', 'disable'],
      ];
  for (const words of commands) {
    await asRoot(...words).catch((error) => {
      if (!(error instanceof SetupFailure)) throw error;
    });
  }
}
