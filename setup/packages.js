// @ts-check
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { SetupFailure } from './failure.js';
import { removeForeignLibraries } from './onnxruntime.js';
import { run } from './run.js';

/** Oldest npm that understands the lock file (version 3). */
const OLDEST_NPM = 7;

/** The members of a package.json that determine what is installed. */
const DECISIVE = [
  'name',
  'version',
  'workspaces',
  'dependencies',
  'devDependencies',
  'optionalDependencies',
  'peerDependencies',
  'overrides',
];

/** @param {string} root */
const stampPath = (root) => join(root, 'node_modules', '.facequeue-setup');

/** @param {string} root */
const nodePath = (root) => join(root, 'node_modules', '.bin', 'node');

/** @param {string} path */
const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));

/**
 * A digest of everything that determines what `npm ci` installs here: lock file, dependencies of every workspace, platform.
 * @param {string} root
 */
export function packagesDigest(root) {
  const folders = readJson(join(root, 'package.json')).workspaces.flatMap((/** @type {string} */ pattern) => {
    const parent = pattern.replace(/\/\*$/, '');
    return readdirSync(join(root, parent)).map((name) => `${parent}/${name}`);
  });
  const manifests = ['.', ...folders.sort()]
    .map((folder) => join(root, folder, 'package.json'))
    .filter((path) => existsSync(path))
    .map((path) => {
      const manifest = readJson(path);
      return DECISIVE.map((member) => manifest[member] ?? null);
    });
  return createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .update(JSON.stringify([manifests, process.platform, process.arch]))
    .digest('hex');
}

/**
 * The version of the Node that the npm package `node` installed; null when it is missing or does not run.
 * @param {string} root
 */
function installedNode(root) {
  try {
    return execFileSync(nodePath(root), ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
      .trim()
      .replace(/^v/, '');
  } catch {
    return null;
  }
}

/**
 * Whether node_modules holds a complete installation of the lock file. The stamp is written when an installation has
 * succeeded; `npm ci` removes it with everything else before it begins.
 * @param {string} root
 */
export function packagesReady(root) {
  try {
    if (readFileSync(stampPath(root), 'utf8') !== packagesDigest(root)) return false;
  } catch {
    return false;
  }
  return installedNode(root) === wantedNode(root);
}

/** @param {string} root */
const wantedNode = (root) => readJson(join(root, 'package.json')).devDependencies.node;

/**
 * The command that runs npm: the npm that runs this script if there is one, and never with the Node in node_modules, which npm
 * is about to delete and which npm scripts have first in their PATH.
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 * @returns {{ command: string, args: string[], env: NodeJS.ProcessEnv }}
 */
export function npmCommand(root, env) {
  const ours = join(root, 'node_modules', '.bin');
  const path = (env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== ours);
  const npmEnv = {
    ...env,
    PATH: path.join(delimiter),
    // Its install script would download CUDA libraries from a host that many networks block, and fail.
    ONNXRUNTIME_NODE_INSTALL: 'skip',
  };
  const cli = env['npm_execpath'];
  return cli?.endsWith('npm-cli.js') && existsSync(cli)
    ? { command: 'node', args: [cli], env: npmEnv }
    : { command: 'npm', args: [], env: npmEnv };
}

/**
 * Installs the packages of the lock file. No package's install script runs except that of `node`, which puts Node 24 into
 * node_modules/.bin. So every npm does the same, whether or not it supports `allowScripts`.
 * @param {string} root
 * @param {NodeJS.ProcessEnv} env
 */
export async function installPackages(root, env) {
  const npm = npmCommand(root, env);
  /** @param {string[]} args */
  const runNpm = (...args) => run(npm.command, [...npm.args, ...args], { cwd: root, env: npm.env });

  const version =
    (
      await runNpm('--version').catch((error) => {
        throw error instanceof SetupFailure
          ? new SetupFailure(`npm is needed, version ${OLDEST_NPM} or newer.\n${error.message}`)
          : error;
      })
    )
      .trim()
      .split('\n')
      .at(-1) ?? '';
  if (Number.parseInt(version, 10) < OLDEST_NPM)
    throw new SetupFailure(
      `npm ${OLDEST_NPM} or newer is needed; this is npm ${version}. \`npm install -g npm\` updates it.`,
    );

  rmSync(stampPath(root), { force: true });
  // Some packages require a newer Node than the one that runs npm; at run time they get it from the package `node`.
  const quiet = ['--no-audit', '--no-fund', '--no-progress', '--loglevel=error', '--engine-strict=false'];
  await runNpm('ci', '--include=dev', '--include=optional', '--ignore-scripts', ...quiet);
  await runNpm('rebuild', 'node', '--ignore-scripts=false', ...quiet);

  const node = installedNode(root);
  if (node !== wantedNode(root))
    throw new SetupFailure(
      `The npm package \`node\` should have put Node ${wantedNode(root)} into node_modules/.bin, ` +
        (node
          ? `but that is Node ${node}.`
          : `but it does not run on this machine (${process.platform} ${process.arch}; it needs glibc).`),
    );
  removeForeignLibraries(root);
  writeFileSync(stampPath(root), packagesDigest(root));
}
