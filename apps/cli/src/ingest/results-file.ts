import { createReadStream } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { UsageError } from '../usage.ts';
import type { Format, Known, Outcome } from './outcome.ts';

/** Where outcomes go. */
export interface Results extends AsyncDisposable {
  /** Resolves when it is written, in whole lines; those of one outcome stand together. */
  write(outcome: Outcome): Promise<void>;
}

export interface ResultsFile extends Results {
  /** Images whose end stood in the file when it was opened. */
  readonly known: readonly string[];
}

/**
 * Opens a file of results to go on where it ends. What a process that was killed left of its last outcome is cut off.
 * @param again leaves out the images that failed: they are to be tried again, and their outcomes are taken out of the file
 * @throws UsageError for a file that holds something else, or cannot be written
 */
export async function openResultsFile(path: string, format: Format, again: boolean): Promise<ResultsFile> {
  const known: string[] = [];
  let whole = 0;
  let failed = 0;
  for await (const { outcome, bytes } of outcomesIn(path, format)) {
    whole += bytes.length;
    if (!outcome) continue;
    if (again && outcome.status === 'failed') failed += 1;
    else known.push(outcome.id);
  }
  if (failed) whole = await rewrite(path, format, ({ status }) => status !== 'failed');
  const file = await opened(path);
  try {
    await file.truncate(whole);
    if (whole === 0) await file.appendFile(format.header);
  } catch (error) {
    await file.close();
    throw error;
  }
  let last: Promise<void> = Promise.resolve();
  return {
    known,
    write(outcome) {
      // One after the other: a write may take several calls.
      last = last.then(() => file.appendFile(format.text(outcome)));
      return last;
    },
    async [Symbol.asyncDispose]() {
      await last.catch(() => {});
      await file.close();
    },
  };
}

async function opened(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'a');
  } catch (error) {
    throw new UsageError(`${path} cannot be written: ${(error as Error).message}.`);
  }
}

/** What stands in a file: its header, or an outcome and the bytes of its lines. */
interface Part {
  outcome: Known | null;
  bytes: Buffer;
}

/** The parts of a file that are whole. @throws UsageError for what is no file of results */
async function* outcomesIn(path: string, format: Format): AsyncGenerator<Part, void> {
  const foreign = (line: number) =>
    new UsageError(`${path} is no file of results, as line ${line} shows: name another --out.`);
  const reader = format.reader();
  let number = 0;
  let headerLeft = format.header;
  let pieces: Buffer[] = [];
  let rest: Buffer = Buffer.alloc(0);
  for await (const line of linesIn(path)) {
    if (line.at(-1) !== END_OF_LINE) {
      rest = line;
      break;
    }
    number += 1;
    pieces.push(line);
    const text = line.toString('utf8', 0, line.length - 1);
    let outcome: Known | null = null;
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
    yield { outcome, bytes: Buffer.concat(pieces) };
    pieces = [];
  }
  // Nothing is cut off that is not ours.
  if (number === 0 && !format.mayBegin(rest.toString())) throw foreign(1);
}

const END_OF_LINE = 0x0a;

/** The lines of a file with their ends; the last one may have none. Of a file that is not there: none. */
async function* linesIn(path: string): AsyncGenerator<Buffer, void> {
  let pieces: Buffer[] = [];
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      let from = 0;
      for (let end = chunk.indexOf(END_OF_LINE); end >= 0; end = chunk.indexOf(END_OF_LINE, from)) {
        yield Buffer.concat([...pieces, chunk.subarray(from, end + 1)]);
        pieces = [];
        from = end + 1;
      }
      if (from < chunk.length) pieces.push(chunk.subarray(from));
    }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    if (code !== 'ENOENT') throw new UsageError(`${path} cannot be read: ${message}.`);
  }
  if (pieces.length) yield Buffer.concat(pieces);
}

/**
 * Takes outcomes out of a file. It is there whole at any time, as it was or as it is to be.
 * @returns its new size
 */
async function rewrite(path: string, format: Format, keep: (outcome: Known) => boolean): Promise<number> {
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
