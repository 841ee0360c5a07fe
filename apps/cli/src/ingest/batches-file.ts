import { appendFile, readFile, rm } from 'node:fs/promises';

/** A batch at the service whose results may not all be written. */
export interface Begun {
  service: string;
  batch: string;
  /** What a worker lists into it; absent for one that images are appended to. */
  prefix?: string;
}

/** Remembers batches beside a file of results, so that the next run takes up those of one that was killed. */
export interface BatchesFile {
  add(begun: Begun): Promise<void>;
  /** All of them, oldest first. */
  read(): Promise<Begun[]>;
  /** None is left. */
  clear(): Promise<void>;
}

/** @param results path of the file of results; undefined: nothing is remembered */
export function batchesFile(results: string | undefined): BatchesFile {
  if (results === undefined) return { add: async () => {}, read: async () => [], clear: async () => {} };
  const path = `${results}.batches`;
  return {
    add: (begun) => appendFile(path, `${JSON.stringify(begun)}\n`),
    async read() {
      const text = await readFile(path, 'utf8').catch(() => '');
      // The last line may be torn: nothing was in its batch yet.
      return text
        .split('\n')
        .slice(0, -1)
        .flatMap((line) => parsed(line) ?? []);
    },
    clear: () => rm(path, { force: true }),
  };
}

function parsed(line: string): Begun | null {
  try {
    const begun = JSON.parse(line) as Begun;
    return typeof begun.service === 'string' && typeof begun.batch === 'string' ? begun : null;
  } catch {
    return null;
  }
}
