import { appendFile, readFile, rm } from 'node:fs/promises';

/** A batch at the service whose results may not all be written. */
export interface StartedBatch {
  service: string;
  batch: string;
  /** S3 prefix that a worker lists into the batch; absent when images are appended to it. */
  prefix?: string;
}

/** Remembers batches in a file beside the results, so that the next run resumes those of a killed run. */
export interface BatchesFile {
  add(batch: StartedBatch): Promise<void>;
  /** All of them, oldest first. */
  read(): Promise<StartedBatch[]>;
  /** Removes the file. */
  clear(): Promise<void>;
}

/** @param results path of the results file; undefined: nothing is remembered */
export function batchesFile(results: string | undefined): BatchesFile {
  if (results === undefined) return { add: async () => {}, read: async () => [], clear: async () => {} };
  const path = `${results}.batches`;
  return {
    add: (batch) => appendFile(path, `${JSON.stringify(batch)}\n`),
    async read() {
      const text = await readFile(path, 'utf8').catch(() => '');
      // A torn last line names a batch that was still empty.
      return text
        .split('\n')
        .slice(0, -1)
        .flatMap((line) => parse(line) ?? []);
    },
    clear: () => rm(path, { force: true }),
  };
}

function parse(line: string): StartedBatch | null {
  try {
    const batch = JSON.parse(line) as StartedBatch;
    return typeof batch.service === 'string' && typeof batch.batch === 'string' ? batch : null;
  } catch {
    return null;
  }
}
