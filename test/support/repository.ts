/** This repository's files, and copies of it in which a test may break something. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** Runs git in the repository. @returns the paths that it prints */
export function gitFiles(...args: string[]): string[] {
  const text = execFileSync('git', [...args, '-z'], { cwd: ROOT, encoding: 'utf8', maxBuffer: 1 << 26 });
  return text.split('\0').filter(Boolean);
}

/** What git tracks or would track, as it is in the working tree. */
export function repositoryFiles(): string[] {
  const listed = gitFiles('ls-files', '--cached', '--others', '--exclude-standard');
  return listed.filter((file) => existsSync(join(ROOT, file)));
}

/**
 * Copies the working tree. Installed packages are shared; the workspaces among them are those of the copy.
 * @param copy an empty folder
 */
export function copyRepository(copy: string): void {
  for (const file of repositoryFiles()) cpSync(join(ROOT, file), join(copy, file));
  for (const folder of ['.', ...workspaces()]) linkModules(folder, copy);
}

function linkModules(folder: string, copy: string): void {
  const [from, to] = [join(ROOT, folder, 'node_modules'), join(copy, folder, 'node_modules')];
  if (!existsSync(from)) return;
  mkdirSync(to);
  for (const name of readdirSync(from)) {
    // npm's links to workspaces are relative, so those of the copy lead into the copy.
    if (name === '@facequeue') cpSync(join(from, name), join(to, name), { recursive: true, verbatimSymlinks: true });
    // What vite and vitest write there stays with each tree.
    else if (!name.startsWith('.vite')) symlinkSync(join(from, name), join(to, name));
  }
}

function workspaces(): string[] {
  return ['apps', 'packages'].flatMap((group) =>
    readdirSync(join(ROOT, group))
      .map((name) => `${group}/${name}`)
      .filter((folder) => existsSync(join(ROOT, folder, 'package.json'))),
  );
}
