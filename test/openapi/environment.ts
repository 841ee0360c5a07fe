/** The virtual environment in which Schemathesis runs. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { virtualEnvironment } from '../support/python/virtual-environment.ts';

const run = promisify(execFile);

const environment = virtualEnvironment('schemathesis', fileURLToPath(new URL('requirements.txt', import.meta.url)));

/**
 * Installs what requirements.txt names, unless that has been done, about 10 s.
 * @returns the path of `schemathesis`
 * @throws when there is no Python with `venv`, or the package index cannot be reached
 */
export async function schemathesis(): Promise<string> {
  await environment.install();
  return join(environment.programs, 'schemathesis');
}

/**
 * Whether nothing can be installed because no package index answers.
 * @throws when there is no Python with `venv`
 */
export async function isUnreachable(): Promise<boolean> {
  if (environment.installed()) return false;
  await using stack = new AsyncDisposableStack();
  const folder = stack.adopt(await mkdtemp(join(tmpdir(), 'facequeue-pip-')), (made) => rm(made, { recursive: true }));
  await run('python3', ['-m', 'venv', folder]);
  // Every index has pip.
  const flags = ['--quiet', '--no-deps', '--dest', folder, '--retries', '0', '--timeout', '10'];
  return await run(join(folder, 'bin', 'pip'), ['download', ...flags, 'pip']).then(
    () => false,
    () => true,
  );
}
