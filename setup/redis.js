// @ts-check
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { aptInstall, asRoot, findProgram, meansOf, prefixOf } from './apt.js';
import { SetupFailure } from './failure.js';

/** Oldest Redis the queue works with: its scripts use commands that came with it. */
const OLDEST = [6, 2];

/** @typedef {import('./apt.js').Means} Means */

/**
 * What is to be done for a Redis that is new enough.
 * @param {string | null} versionText what `redis-server --version` prints; null when there is none
 * @param {Means} means
 * @returns {{ kind: 'ready' } | { kind: 'install', prefix: string[] } | { kind: 'tell', message: string }}
 */
export function redisPlan(versionText, means) {
  const oldest = OLDEST.join('.');
  const otherwise = `or set REDIS_URL to one that runs elsewhere (redis://host:6379), version ${oldest} or newer.`;
  if (versionText !== null) {
    const match = /\bv=(\d+)\.(\d+)/.exec(versionText);
    if (!match)
      return { kind: 'tell', message: `redis-server --version says nothing of a version: ${versionText.trim()}` };
    const [major, minor] = [Number(match[1]), Number(match[2])];
    if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return { kind: 'ready' };
    return {
      kind: 'tell',
      message: `The redis-server of this machine is ${major}.${minor}; ${oldest} or newer is needed. Install a newer one,\n${otherwise}`,
    };
  }
  const prefix = prefixOf(means);
  if (prefix) return { kind: 'install', prefix };
  const how = means.apt
    ? 'sudo apt-get update && sudo apt-get install -y --no-install-recommends redis-server'
    : "install your system's Redis, so that `redis-server` is found";
  return { kind: 'tell', message: `Facequeue needs Redis and may not install it here. Run\n  ${how}\n${otherwise}` };
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
 * Installs Redis from the system's packages where that is allowed.
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 * @param {() => void} onInstall called once before anything is installed
 * @throws {SetupFailure} saying what to run where it is not
 */
export async function installRedis(root, env, onInstall) {
  const plan = redisPlan(installedVersion(env), meansOf(env));
  if (plan.kind === 'ready') return;
  if (plan.kind === 'tell') throw new SetupFailure(plan.message);
  onInstall();
  const place = { root, env };
  await aptInstall('redis-server', plan.prefix, place);
  await stopService((...words) => asRoot(plan.prefix, place, words));

  const after = redisPlan(installedVersion(env), { apt: false, root: false, sudo: false });
  if (after.kind === 'tell') throw new SetupFailure(after.message);
}

/**
 * The package starts a Redis on port 6379 and has it started at every boot. Facequeue runs one of its own, so that one
 * is ended; it was not there before. A machine whose service cannot be stopped still has what it needs.
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
