import { readdirSync, statSync } from 'node:fs';
import { basename, extname, join, relative } from 'node:path';
import { UsageError } from '../usage.ts';

/** One image to look at. */
export interface Input {
  /** As the person named it, or the way to it from there. */
  label: string;
  /** Path or URL. */
  from: { kind: 'file'; path: string } | { kind: 'url'; url: string };
  /** Name of a drawing of it in a folder of drawings: the way to it inside the folder that was named. */
  name: string;
}

/** What an argument stands for. */
export interface Inputs {
  inputs: Input[];
  /** Whether the caller named one image: its result then stands alone. */
  single: boolean;
}

/** Names by which a folder's images are told from its other files; a file named itself is taken as it is. */
const EXTENSIONS = new Set(['.jpg', '.jpeg', '.png', '.bmp', '.webp']);

/**
 * Every argument's images, in the order of the arguments. A folder gives the images in it and in all folders below, sorted
 * by path; hidden ones and links to folders are left out.
 * @throws UsageError when a folder holds no image or cannot be read
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
    if (!found.length) throw new UsageError(`${arg} holds no image (${[...EXTENSIONS].join(', ')}).`);
    return found;
  });
  return { inputs, single: inputs.length === 1 && folders === 0 };
}

function readFolder(folder: string): string[] {
  try {
    return imagesBelow(folder);
  } catch (error) {
    throw new UsageError(`${folder} cannot be read: ${(error as Error).message}.`);
  }
}

function imagesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('.'))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return imagesBelow(path);
      return EXTENSIONS.has(extname(entry.name).toLowerCase()) ? [path] : [];
    });
}

function nameInUrl(url: string): string {
  return basename(URL.parse(url)?.pathname ?? '').replace(/[^\w.-]/g, '_') || 'image';
}
