/** The virtual environment in which Schemathesis runs. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

const REQUIREMENTS = fileURLToPath(new URL('requirements.txt', import.meta.url));
const CACHE = fileURLToPath(new URL('../../.cache/schemathesis', import.meta.url));

/**
 * Installs what requirements.txt names, unless that has been done, about 10 s.
 * @returns the path of `schemathesis`
 * @throws when there is no Python with `venv`, or the package index cannot be reached
 */
export async function schemathesis(): Promise<string> {
  const folder = join(CACHE, createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex').slice(0, 16));
  // A virtual environment cannot be moved, so a file that is written last says that it is complete.
  const complete = join(folder, 'complete');
  if (!existsSync(complete)) {
    await rm(folder, { recursive: true, force: true });
    await mkdir(CACHE, { recursive: true });
    await run('python3', ['-m', 'venv', folder]);
    await run(join(folder, 'bin', 'pip'), ['install', '--quiet', '--no-deps', '--requirement', REQUIREMENTS]);
    await writeFile(complete, '');
  }
  return join(folder, 'bin', 'schemathesis');
}
