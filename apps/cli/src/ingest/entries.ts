import { glob, open, readdir, stat } from 'node:fs/promises';
import { extname, isAbsolute, join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { IMAGE_SUFFIXES } from '@facequeue/schema';
import { UsageError } from '../usage.ts';

/** An image to send, or why something that was named is none. */
export type Entry =
  | { id: string; kind: 'file'; path: string }
  | { id: string; kind: 'url'; url: string }
  | { id: string; kind: 'unreadable'; detail: string };

/** Where images are named. */
export interface Places {
  /** Files, folders, patterns and URLs. */
  args: readonly string[];
  /** A file with one path or URL a line; `-`: standard input. */
  from: string | undefined;
}

const URL_LIKE = /^(https?|s3):\/\//i;
const SUFFIXES: ReadonlySet<string> = new Set(IMAGE_SUFFIXES);

/**
 * Every image there is at the places, one after the other: only the names of one folder and those above it are in memory. Of
 * a single folder images are named by the way to them inside it, else as they were named.
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
  if (facts?.isDirectory()) yield* imagesBelow(arg, alone ? '' : arg);
  else if (!facts && /[*?[{]/.test(arg) && !URL_LIKE.test(arg)) yield* matching(arg);
  else yield named(arg);
}

const named = (name: string): Entry =>
  URL_LIKE.test(name) ? { id: name, kind: 'url', url: name } : { id: idOf(name), kind: 'file', path: name };

/** A path as an id: the service keeps those that begin with # to itself. */
const idOf = (path: string) => (path.startsWith('#') ? `./${path}` : path);

/**
 * The images in a folder and all folders below, sorted by name in each; hidden ones and links to folders are left out.
 * @param name what the folder is called in ids; empty for one that is not mentioned
 */
async function* imagesBelow(folder: string, name: string): AsyncGenerator<Entry, void> {
  const contents = await readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => error);
  if (contents instanceof Error) {
    yield { id: `${name || folder}/`, kind: 'unreadable', detail: `The folder cannot be read: ${contents.code}.` };
    return;
  }
  contents.sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of contents) {
    if (entry.name.startsWith('.')) continue;
    const path = join(folder, entry.name);
    const id = join(name, entry.name);
    if (entry.isDirectory()) yield* imagesBelow(path, id);
    else if (SUFFIXES.has(extname(entry.name).toLowerCase())) yield { id: idOf(id), kind: 'file', path };
  }
}

/** The files a pattern matches, whatever their names; hidden ones only where it names them. */
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
    throw new UsageError(`${list} cannot be read: ${error.message}.`);
  });
  yield* file.readLines();
}
