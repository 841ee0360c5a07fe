/** Earlier releases, checked out and installed, so that they can run beside the working tree. */
import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Mains } from '../support/fleet/fleet.ts';

const run = promisify(execFile);

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** One folder a commit. Not below node_modules: Node strips no types there. */
const CACHE = join(ROOT, '.cache', 'releases');
/** The parts of a checkout that a gateway, a worker and `serve` need. */
const PARTS = ['apps', 'packages', 'models', 'package.json', 'package-lock.json'];
const WORKSPACES = ['apps/api', 'apps/worker'];

interface Releases {
  /** Oldest first. */
  releases: { version: string; commit: string }[];
}

export interface Release extends Mains {
  readonly version: string;
  /** Its folder: a checkout, with what a gateway, a worker and `serve` need. */
  readonly folder: string;
}

/** The release that a fleet may run beside the working tree. @throws when its commit is not in this clone, or npm fails */
export async function lastRelease(): Promise<Release> {
  const { releases } = JSON.parse(readFileSync(join(ROOT, 'releases.json'), 'utf8')) as Releases;
  const { version, commit } = releases.at(-1)!;
  const folder = join(CACHE, commit);
  if (!existsSync(folder)) await install(version, commit, folder);
  const main = (app: string) => new URL(`file://${join(folder, 'apps', app, 'src/main.ts')}`);
  return { version, folder, gateway: main('api'), worker: main('worker') };
}

/** Installs a release atomically: an interrupted run leaves no folder that a later one would take for a complete release. */
async function install(version: string, commit: string, folder: string): Promise<void> {
  await requireCommit(version, commit);
  await mkdir(CACHE, { recursive: true });
  const making = await mkdtemp(join(CACHE, 'making-'));
  try {
    // Only the files: a worktree would have to be pruned from the repository whenever the cache is removed.
    const archive = join(making, 'release.tar');
    await run('git', ['archive', '--output', archive, commit, ...PARTS], { cwd: ROOT });
    await run('tar', ['-xf', archive, '-C', making]);
    await rm(archive);
    const flags = ['--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
    await run('npm', ['ci', ...flags, ...WORKSPACES.flatMap((name) => ['-w', name])], {
      cwd: making,
      env: shellEnv(),
      maxBuffer: 1 << 26,
    });
    await rename(making, folder).catch((error: NodeJS.ErrnoException) => {
      // Another run was faster.
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(making, { recursive: true, force: true });
  }
}

async function requireCommit(version: string, commit: string): Promise<void> {
  try {
    await run('git', ['cat-file', '-e', `${commit}^{commit}`], { cwd: ROOT });
  } catch {
    throw new Error(
      `release ${version} is commit ${commit} (releases.json), and this clone does not have it: a shallow clone needs \`git fetch --unshallow\``,
    );
  }
}

/** The environment without the variables of the npm that runs the tests. */
function shellEnv(): NodeJS.ProcessEnv {
  const own = /^(npm_package_|npm_lifecycle_|npm_config_local_prefix$|npm_config_prefix$|INIT_CWD$|NODE_ENV$)/i;
  return {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.test(name))),
    PATH: (process.env['PATH'] ?? '')
      .split(delimiter)
      .filter((entry) => !entry.includes('node_modules'))
      .join(delimiter),
    ONNXRUNTIME_NODE_INSTALL: 'skip',
  };
}
