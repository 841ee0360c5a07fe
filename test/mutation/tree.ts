/** A copy of the working tree to be mutated: nobody edits it, and its workspaces are its own. */
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { copyRepository, ROOT } from '../support/repository.ts';

/** Where results are kept. */
export const RESULTS = join(ROOT, '.cache/mutation');

export class MutatedTree implements Disposable {
  readonly path = realpathSync(mkdtempSync(join(tmpdir(), 'facequeue-mutation-')));

  /** Copies what git tracks or would track. A signal that ends this process removes the copy, too. */
  constructor() {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.once(signal, () => {
        this[Symbol.dispose]();
        process.exit(1);
      });
    copyRepository(this.path);
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
