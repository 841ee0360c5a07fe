/** Installs `@vladmandic/human` beside the workspaces, and starts a process with it on each core. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { LoopsSubject } from '../../image/loops-subject.ts';
import type { Subject } from '../../image/subject.ts';

const CACHE = fileURLToPath(new URL('../../../.cache/human', import.meta.url));
const FILES = ['package.json', 'package-lock.json'];
const pathOf = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** Installs and starts it. @throws when npm's registry cannot be reached */
export async function startHuman(): Promise<Subject> {
  const folder = await installed();
  const { version } = JSON.parse(readFileSync(join(folder, 'node_modules/@vladmandic/human/package.json'), 'utf8'));
  return await LoopsSubject.start({
    title: `human ${version}`,
    module: new URL('loop.ts', import.meta.url),
    argument: folder,
  });
}

/** Installs exactly what the lock file names, unless that has been done. @returns the folder */
async function installed(): Promise<string> {
  const hash = createHash('sha256')
    .update(readFileSync(pathOf('package-lock.json')))
    .digest('hex')
    .slice(0, 16);
  const folder = join(CACHE, hash);
  const complete = join(folder, 'complete');
  if (existsSync(complete)) return folder;
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  for (const name of FILES) await copyFile(pathOf(name), join(folder, name));
  await promisify(execFile)('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: folder });
  await writeFile(complete, '');
  return folder;
}
