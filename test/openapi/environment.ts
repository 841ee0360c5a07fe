/** The virtual environment in which Schemathesis runs. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

const REQUIREMENTS = fileURLToPath(new URL('requirements.txt', import.meta.url));
const CACHE = fileURLToPath(new URL('../../.cache/schemathesis', import.meta.url));
const FOLDER = join(CACHE, createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex').slice(0, 16));
/** A virtual environment cannot be moved, so a file that is written last says that it is complete. */
const COMPLETE = join(FOLDER, 'complete');

/**
 * Installs what requirements.txt names, unless that has been done, about 10 s.
 * @returns the path of `schemathesis`
 * @throws when there is no Python with `venv`, or the package index cannot be reached
 */
export async function schemathesis(): Promise<string> {
  if (!existsSync(COMPLETE)) {
    await rm(FOLDER, { recursive: true, force: true });
    await mkdir(CACHE, { recursive: true });
    await run('python3', ['-m', 'venv', FOLDER]);
    await run(pipOf(FOLDER), ['install', '--quiet', '--no-deps', '--requirement', REQUIREMENTS]);
    await writeFile(COMPLETE, '');
  }
  return join(FOLDER, 'bin', 'schemathesis');
}

/**
 * Whether nothing can be installed because no package index answers.
 * @throws when there is no Python with `venv`
 */
export async function isUnreachable(): Promise<boolean> {
  if (existsSync(COMPLETE)) return false;
  await using stack = new AsyncDisposableStack();
  const folder = stack.adopt(await mkdtemp(join(tmpdir(), 'facequeue-pip-')), (made) => rm(made, { recursive: true }));
  await run('python3', ['-m', 'venv', folder]);
  // Every index has pip.
  const flags = ['--quiet', '--no-deps', '--dest', folder, '--retries', '0', '--timeout', '10'];
  return await run(pipOf(folder), ['download', ...flags, 'pip']).then(
    () => false,
    () => true,
  );
}

const pipOf = (folder: string) => join(folder, 'bin', 'pip');
