/** ffmpeg for tests: the machine's own, or installed with apt-get if this user is allowed to. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { aptInstall, meansOf, prefixOf } from '../../../setup/apt.js';
import { SetupFailure } from '../../../setup/failure.js';
import { lockFolder } from '../../../setup/lock.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const LOCK = fileURLToPath(new URL('.', import.meta.url));

/** The package and its dependencies are about 100 MB to download. */
export const FFMPEG_TIMEOUT_MS = 600_000;

const present = () => spawnSync('ffmpeg', ['-version'], { stdio: 'ignore' }).error === undefined;

/**
 * Installs ffmpeg if it is missing.
 * @returns null, or why there is none
 * @throws Error instead when TEST_FFMPEG=required, for runs that must not skip tests
 */
export async function ensureFfmpeg(): Promise<string | null> {
  const why = await install();
  if (why !== null && process.env['TEST_FFMPEG'] === 'required') throw new Error(why);
  return why;
}

async function install(): Promise<string | null> {
  if (present()) return null;
  const prefix = prefixOf(meansOf(process.env));
  if (!prefix) return 'no ffmpeg, and neither root nor sudo with apt-get to install it';
  const unlock = await lockFolder(LOCK, () => {});
  try {
    if (!present()) await aptInstall('ffmpeg', prefix, { root: ROOT, env: process.env });
    return present() ? null : 'ffmpeg was installed and is not on the PATH';
  } catch (error) {
    if (error instanceof SetupFailure) return `no ffmpeg: ${error.message}`;
    throw error;
  } finally {
    unlock();
  }
}
