import { readdirSync, statSync } from 'node:fs';
import { basename, extname, join, relative } from 'node:path';
import { IMAGE_SUFFIXES } from '@facequeue/schema';
import { UsageError } from '../usage.ts';

/** An image to process. */
export interface Input {
  /** As given on the command line; for an image in a folder, with its path inside it. */
  label: string;
  /** Path or URL. */
  from: { kind: 'file'; path: string } | { kind: 'url'; url: string };
  /** File name of its drawing in a folder of drawings: its path inside the folder that was given. */
  name: string;
}

/** The images of all arguments. */
export interface Inputs {
  inputs: Input[];
  /** Whether the command line names exactly one image, and no folder. */
  single: boolean;
}

/** Suffixes of the images in a folder. A file that is named itself may have any suffix. */
const SUFFIXES: ReadonlySet<string> = new Set(IMAGE_SUFFIXES);

/**
 * Lists the images of all arguments, in the order of the arguments. A folder stands for the images in it and its subfolders,
 * sorted by path; hidden ones and links to folders are skipped.
 * @throws UsageError when a folder has no image or cannot be read
 */
export function expandInputs(args: readonly string[]): Inputs {
  let folders = 0;
  const inputs = args.flatMap((arg): Input[] => {
    if (/^(https?|s3):\/\//i.test(arg)) {
      return [{ label: arg, from: { kind: 'url', url: arg }, name: nameInUrl(arg) }];
    }
    if (!statSync(arg, { throwIfNoEntry: false })?.isDirectory()) {
      return [{ label: arg, from: { kind: 'file', path: arg }, name: basename(arg) }];
    }
    folders += 1;
    const found = readFolder(arg).map(
      (path): Input => ({ label: path, from: { kind: 'file', path }, name: relative(arg, path) }),
    );
    if (!found.length) throw new UsageError(`${arg} has no image (${IMAGE_SUFFIXES.join(', ')})`);
    return found;
  });
  return { inputs, single: inputs.length === 1 && folders === 0 };
}

function readFolder(folder: string): string[] {
  try {
    return imagesIn(folder);
  } catch (error) {
    throw new UsageError(`${folder} cannot be read: ${(error as Error).message}`);
  }
}

function imagesIn(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('.'))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return imagesIn(path);
      return SUFFIXES.has(extname(entry.name).toLowerCase()) ? [path] : [];
    });
}

function nameInUrl(url: string): string {
  return basename(URL.parse(url)?.pathname ?? '').replace(/[^\w.-]/g, '_') || 'image';
}
