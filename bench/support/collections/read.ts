/** Garbage collections of other processes. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { FILE_PREFIX } from './file-prefix.ts';

export interface Collections {
  minor: number;
  full: number;
}

/** `NODE_OPTIONS` with which a process, and the children to which it passes them on, count their collections. */
export const COUNT_COLLECTIONS = `--import=${fileURLToPath(new URL('counter.ts', import.meta.url))}`;

/** The collections of a process since its start; null when it does not count them. */
export function collectionsOf(pid: number): Collections | null {
  const folder = `/proc/${pid}/fd`;
  try {
    for (const name of readdirSync(folder)) {
      const path = `${folder}/${name}`;
      if (!targetOf(path).includes(FILE_PREFIX)) continue;
      const [minor = 0, full = 0] = new Uint32Array(Uint8Array.from(readFileSync(path)).buffer);
      return { minor, full };
    }
  } catch {
    // It ended meanwhile, or belongs to somebody else.
  }
  return null;
}

/** What an entry of /proc links to; empty for one that was closed meanwhile. */
function targetOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
