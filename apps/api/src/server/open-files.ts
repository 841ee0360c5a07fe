import { readFileSync } from 'node:fs';

/** Each caller that waits holds a connection; below this many, a busy hour runs out of them. */
export const ENOUGH_OPEN_FILES = 4096;

/** How many files and sockets this process may have open (`ulimit -n`); null where that cannot be told. */
export function openFilesLimit(): number | null {
  try {
    const soft = /^Max open files\s+(\d+|unlimited)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return soft === undefined ? null : soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    return null;
  }
}
