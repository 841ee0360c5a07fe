// @ts-check
/** What checks need of the machine: installed or started where this user may. */
import { spawn } from 'node:child_process';
import { existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram, meansOf, prefixOf } from '../../setup/apt.js';

/** Debian's Chromium ships SwiftShader, a Vulkan driver that needs no graphics card. */
const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json';
/** Makes the base images from Debian's packages where no image registry is reachable; not part of the repository. */
const DOCKER_UP = '../shared/tools/docker-up';
const BASE_IMAGES = ['node:24-bookworm-slim', 'redis:7-bookworm'];
const DOCKER_START_MS = 60_000;

/**
 * @typedef {object} Machine
 * @property {string} root of the repository
 * @property {string} folder for logs
 * @property {(words: string[]) => Promise<boolean>} run runs a command, prints the end of its output when it fails; whether it succeeded
 * @property {(words: string[]) => Promise<boolean>} probe the same, without printing
 */

/** Programs that tests call: they read videos, and run the commands of pages. @param {Machine} machine */
export async function installPrograms(machine) {
  const missing = ['ffmpeg', 'curl', 'openssl'].filter((program) => !has(program));
  if (missing.length > 0) await install(machine, ['--no-install-recommends', ...missing]);
  return null;
}

/** @param {Machine} machine */
export async function installChromium(machine) {
  if (!existsSync(SWIFTSHADER)) await install(machine, ['chromium', 'libvulkan1']);
  return null;
}

/**
 * Debian's Python comes without what makes virtual environments.
 * @param {Machine} machine
 * @returns {Promise<string | null>} why Schemathesis cannot be installed; null also when that has another reason, which fails the check
 */
export async function installPython(machine) {
  const complete = await machine.probe(['python3', '-c', 'import ensurepip, venv']);
  if (!complete) await install(machine, ['--no-install-recommends', 'python3', 'python3-venv']);
  const unreachable = await machine.probe(['node_modules/.bin/node', 'test/openapi/main.ts', '--unreachable']);
  return unreachable ? 'no package index of Python answers' : null;
}

/**
 * @param {Machine} machine
 * @returns {Promise<string | null>} why npm has no advisories; null also when nobody answers, which fails the check
 */
export async function askForAdvisories({ probe }) {
  const refused = await probe(['npm', 'run', '--silent', 'advisories', '--', '--refused']);
  return refused ? 'the registry of npm serves no advisories' : null;
}

/**
 * @param {Machine} machine
 * @returns {Promise<string | null>} why there is no Docker
 */
export async function startDocker(machine) {
  const answers = () => machine.probe(['docker', 'info']);
  if (await machine.probe(['docker', 'image', 'inspect', ...BASE_IMAGES])) return null;
  if (existsSync(join(machine.root, DOCKER_UP))) {
    await machine.run([DOCKER_UP]);
  } else if (!(await answers())) {
    if (!has('dockerd')) await install(machine, ['docker.io']);
    await startDaemon(machine, answers);
  }
  return (await answers()) ? null : 'Docker does not answer and cannot be started';
}

/**
 * @param {Machine} machine
 * @param {() => Promise<boolean>} answers
 */
async function startDaemon({ folder }, answers) {
  const prefix = prefixOf(meansOf(process.env));
  if (!prefix || !has('dockerd')) return;
  const log = join(folder, 'dockerd.log');
  const output = openSync(log, 'w');
  const [command = '', ...args] = [...prefix, 'dockerd'];
  const daemon = spawn(command, args, { stdio: ['ignore', output, output], detached: true });
  let ended = false;
  for (const event of ['error', 'exit']) daemon.once(event, () => (ended = true));
  daemon.unref();
  for (const deadline = Date.now() + DOCKER_START_MS; Date.now() < deadline && !ended; ) {
    if (await answers()) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  console.log(readFileSync(log, 'utf8').split('\n').slice(-5).join('\n'));
}

/** @param {string} program */
const has = (program) => findProgram(program, process.env['PATH']) !== null;

/**
 * A failure is printed; then the check fails that needs it.
 * @param {Machine} machine
 * @param {string[]} words packages and flags
 */
async function install({ run }, words) {
  const prefix = prefixOf(meansOf(process.env));
  if (!prefix) return;
  const apt = [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get'];
  // The installation may work although the update fails: one mirror is down, or the packages are cached.
  await run([...apt, 'update', '-qq']);
  await run([...apt, 'install', '-y', '-qq', '-o', 'DPkg::Lock::Timeout=300', ...words]);
}
