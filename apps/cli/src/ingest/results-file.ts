import { createReadStream } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { UsageError } from '../usage.ts';
import type { Format, Outcome, RecordedOutcome } from './outcome.ts';

/** Where outcomes are written. */
export interface Results extends AsyncDisposable {
  /** Resolves when the outcome is written: whole lines, those of one outcome together. */
  write(outcome: Outcome): Promise<void>;
}

export interface ResultsFile extends Results {
  /** Ids of the images whose outcome was in the file when it was opened. */
  readonly recorded: readonly string[];
}

/**
 * Opens a results file for appending. An incomplete last outcome, left by a killed process, is cut off.
 * @param retryFailed removes the outcomes of failed images from the file, so that they are sent again
 * @throws UsageError for a file with any other content, or one that cannot be written
 */
export async function openResultsFile(path: string, format: Format, retryFailed: boolean): Promise<ResultsFile> {
  const recorded: string[] = [];
  let whole = 0;
  let failed = 0;
  for await (const { outcome, bytes } of outcomesIn(path, format)) {
    whole += bytes.length;
    if (!outcome) continue;
    if (retryFailed && outcome.status === 'failed') failed += 1;
    else recorded.push(outcome.id);
  }
  if (failed) whole = await rewrite(path, format, ({ status }) => status !== 'failed');
  const file = await openForAppend(path);
  try {
    await file.truncate(whole);
    if (whole === 0) await file.appendFile(format.header);
  } catch (error) {
    await file.close();
    throw error;
  }
  let last: Promise<void> = Promise.resolve();
  return {
    recorded,
    write(outcome) {
      // Sequential, because one write may take several system calls.
      last = last.then(() => file.appendFile(format.text(outcome)));
      return last;
    },
    async [Symbol.asyncDispose]() {
      await last.catch(() => {});
      await file.close();
    },
  };
}

async function openForAppend(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'a');
  } catch (error) {
    throw new UsageError(`${path} cannot be written: ${(error as Error).message}`);
  }
}

/** The header of a file (`outcome` is null), or an outcome with the bytes of its lines. */
interface Part {
  outcome: RecordedOutcome | null;
  bytes: Buffer;
}

/** The complete parts of a file. @throws UsageError when it is not a results file */
async function* outcomesIn(path: string, format: Format): AsyncGenerator<Part, void> {
  const foreign = (line: number) =>
    new UsageError(`${path} is not a results file (see line ${line}): choose another --out.`);
  const reader = format.reader();
  let number = 0;
  let headerLeft = format.header;
  let chunks: Buffer[] = [];
  let rest: Buffer = Buffer.alloc(0);
  for await (const line of linesIn(path)) {
    if (line.at(-1) !== END_OF_LINE) {
      rest = line;
      break;
    }
    number += 1;
    chunks.push(line);
    const text = line.toString('utf8', 0, line.length - 1);
    let outcome: RecordedOutcome | null = null;
    if (headerLeft !== '') {
      if (`${text}\n` !== headerLeft) throw foreign(number);
      headerLeft = '';
    } else {
      try {
        outcome = reader.push(text);
      } catch {
        throw foreign(number);
      }
      if (!outcome) continue;
    }
    yield { outcome, bytes: Buffer.concat(chunks) };
    chunks = [];
  }
  // Only an outcome of this format may be cut off.
  if (number === 0 && !format.mayBegin(rest.toString())) throw foreign(1);
}

const END_OF_LINE = 0x0a;

/** The lines of a file with their ends, which the last line may lack. A file that does not exist has none. */
async function* linesIn(path: string): AsyncGenerator<Buffer, void> {
  let chunks: Buffer[] = [];
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      let from = 0;
      for (let end = chunk.indexOf(END_OF_LINE); end >= 0; end = chunk.indexOf(END_OF_LINE, from)) {
        yield Buffer.concat([...chunks, chunk.subarray(from, end + 1)]);
        chunks = [];
        from = end + 1;
      }
      if (from < chunk.length) chunks.push(chunk.subarray(from));
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    if (code !== 'ENOENT') throw new UsageError(`${path} cannot be read: ${message}`);
  }
  if (chunks.length) yield Buffer.concat(chunks);
}

/**
 * Removes outcomes from a file, atomically.
 * @returns its new size
 */
async function rewrite(path: string, format: Format, keep: (outcome: RecordedOutcome) => boolean): Promise<number> {
  const next = `${path}.new`;
  try {
    await using file = await open(next, 'w');
    let size = 0;
    for await (const { outcome, bytes } of outcomesIn(path, format)) {
      if (outcome && !keep(outcome)) continue;
      size += bytes.length;
      await file.appendFile(bytes);
    }
    await rename(next, path);
    return size;
  } catch (error) {
    await rm(next, { force: true });
    throw error;
  }
}
