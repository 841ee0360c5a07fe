import { glob, open, readdir, stat } from 'node:fs/promises';
import { extname, isAbsolute, join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { IMAGE_SUFFIXES } from '@facequeue/schema';
import { UsageError } from '../usage.ts';

/** An image to send, or an argument that cannot be read. */
export type Entry =
  | { id: string; kind: 'file'; path: string }
  | { id: string; kind: 'url'; url: string }
  | { id: string; kind: 'unreadable'; detail: string };

/** Where images are. */
export interface Places {
  /** Files, folders, patterns and URLs. */
  args: readonly string[];
  /** A file with one path or URL a line; `-`: standard input. */
  from: string | undefined;
}

const URL_LIKE = /^(https?|s3):\/\//i;
const SUFFIXES: ReadonlySet<string> = new Set(IMAGE_SUFFIXES);

/**
 * Yields every image at the places. Memory holds the names of one folder and of the folders above it only. The ids of images in
 * a single folder are their paths inside it; all other ids are as given on the command line.
 * @throws UsageError when the list cannot be read
 */
export async function* entriesAt({ args, from }: Places): AsyncGenerator<Entry, void> {
  const alone = args.length === 1 && from === undefined;
  for (const arg of args) yield* entriesOf(arg, alone);
  if (from === undefined) return;
  for await (const line of linesOf(from)) if (line.trim() !== '') yield named(line.trim());
}

async function* entriesOf(arg: string, alone: boolean): AsyncGenerator<Entry, void> {
  const facts = URL_LIKE.test(arg) ? null : await stat(arg).catch(() => null);
  if (facts?.isDirectory()) yield* imagesIn(arg, alone ? '' : arg);
  else if (!facts && /[*?[{]/.test(arg) && !URL_LIKE.test(arg)) yield* matching(arg);
  else yield named(arg);
}

const named = (name: string): Entry =>
  URL_LIKE.test(name) ? { id: name, kind: 'url', url: name } : { id: idOf(name), kind: 'file', path: name };

/** A path as an id: the service reserves ids that begin with #. */
const idOf = (path: string) => (path.startsWith('#') ? `./${path}` : path);

/**
 * The images in a folder and its subfolders, sorted by name in each. Hidden ones and links to folders are skipped.
 * @param name prefix of the ids; may be empty
 */
async function* imagesIn(folder: string, name: string): AsyncGenerator<Entry, void> {
  const contents = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => error);
  if (contents instanceof Error) {
    yield { id: `${name || folder}/`, kind: 'unreadable', detail: `the folder cannot be read: ${contents.code}` };
    return;
  }
  contents.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of contents) {
    if (entry.name.startsWith('.')) continue;
    const path = join(folder, entry.name);
    const id = join(name, entry.name);
    if (entry.isDirectory()) yield* imagesIn(path, id);
    else if (SUFFIXES.has(extname(entry.name).toLowerCase())) yield { id: idOf(id), kind: 'file', path };
  }
}

/** The files that a pattern matches, whatever their names; hidden ones only if it names them. */
async function* matching(pattern: string): AsyncGenerator<Entry, void> {
  for await (const match of glob(pattern, { withFileTypes: true })) {
    if (match.isDirectory()) continue;
    const full = join(match.parentPath, match.name);
    yield named(isAbsolute(pattern) ? full : relative('.', full));
  }
}

async function* linesOf(list: string): AsyncGenerator<string, void> {
  if (list === '-') return yield* createInterface({ input: process.stdin });
  const file = await open(list).catch((error: Error) => {
    throw new UsageError(`${list} cannot be read: ${error.message}`);
  });
  yield* file.readLines();
}
