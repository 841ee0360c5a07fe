import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const CACHE = fileURLToPath(new URL('../../../.cache', import.meta.url));

/** A virtual environment of Python with what a list of exact requirements names, below `.cache`. */
export interface VirtualEnvironment {
  /** Where its programs are, `python` among them. */
  readonly programs: string;
  /** Whether it has been installed. */
  installed(): boolean;
  /** Installs it unless that has been done. @throws when there is no Python with `venv`, or the package index cannot be reached */
  install(): Promise<void>;
}

/**
 * @param name of its folder
 * @param requirements path of the list; another list makes another environment
 */
export function virtualEnvironment(name: string, requirements: string): VirtualEnvironment {
  const hash = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 16);
  const folder = join(CACHE, name, hash);
  const programs = join(folder, 'bin');
  // A virtual environment cannot be moved, so a file that is written last says that it is complete.
  const complete = join(folder, 'complete');
  return {
    programs,
    installed: () => existsSync(complete),
    async install() {
      if (existsSync(complete)) return;
      await rm(folder, { recursive: true, force: true });
      await mkdir(join(CACHE, name), { recursive: true });
      await run('python3', ['-m', 'venv', folder]);
      await run(join(programs, 'pip'), ['install', '--quiet', '--no-deps', '--requirement', requirements]);
      await writeFile(complete, '');
    },
  };
}
