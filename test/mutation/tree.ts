/** A copy of the working tree to be mutated: nobody edits it, and its workspaces are its own. */
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** Where results are kept. */
export const RESULTS = join(ROOT, '.cache/mutation');

/** Runs git in the repository. @returns the paths that it prints */
export function gitFiles(...args: string[]): string[] {
  const text = execFileSync('git', [...args, '-z'], { cwd: ROOT, encoding: 'utf8', maxBuffer: 1 << 26 });
  return text.split('\0').filter(Boolean);
}

export class MutatedTree implements Disposable {
  readonly path = realpathSync(mkdtempSync(join(tmpdir(), 'facequeue-mutation-')));

  /** Copies what git tracks or would track. A signal that ends this process removes the copy, too. */
  constructor() {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.once(signal, () => {
        this[Symbol.dispose]();
        process.exit(1);
      });
    for (const file of gitFiles('ls-files', '--cached', '--others', '--exclude-standard')) {
      if (!existsSync(join(ROOT, file))) continue;
      const to = join(this.path, file);
      mkdirSync(dirname(to), { recursive: true });
      cpSync(join(ROOT, file), to);
    }
    for (const folder of ['.', ...workspaces()]) this.#linkModules(folder);
  }

  /** Installed packages are shared; the workspaces among them are those of the copy, or its tests would load what is not mutated. */
  #linkModules(folder: string): void {
    const from = join(ROOT, folder, 'node_modules');
    const to = join(this.path, folder, 'node_modules');
    if (!existsSync(from)) return;
    mkdirSync(join(to, '@facequeue'), { recursive: true });
    for (const name of readdirSync(from)) {
      // What vite and vitest write there stays with each tree.
      if (name === '@facequeue' || name.startsWith('.vite')) continue;
      symlinkSync(join(from, name), join(to, name));
    }
    if (folder !== '.') return;
    for (const workspace of workspaces())
      symlinkSync(join(this.path, workspace), join(to, '@facequeue', workspace.replace(/^.*\//, '')));
  }

  /** Ends what runs in the copy, such as processes whose parent was killed. */
  endProcesses(): void {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name)))
      if (Number(pid) !== process.pid && this.#runs(pid)) process.kill(Number(pid), 'SIGKILL');
  }

  [Symbol.dispose](): void {
    this.endProcesses();
    rmSync(this.path, { recursive: true, force: true, maxRetries: 3 });
  }

  #runs(pid: string): boolean {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
      const folder = readlinkSync(`/proc/${pid}/cwd`);
      return [folder, ...words].some((text) => text.startsWith(this.path));
    } catch {
      // It has ended meanwhile.
      return false;
    }
  }
}

function workspaces(): string[] {
  return ['apps', 'packages'].flatMap((group) =>
    readdirSync(join(ROOT, group))
      .map((name) => `${group}/${name}`)
      .filter((folder) => existsSync(join(ROOT, folder, 'package.json'))),
  );
}
