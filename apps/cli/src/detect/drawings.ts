import { statSync } from 'node:fs';
import { extname, join, resolve } from 'node:path';
import { UsageError } from '../usage.ts';
import type { Inputs } from './inputs.ts';

/** A drawing to write. */
export interface Drawing {
  path: string;
  format: 'png' | 'jpeg';
}

const JPEG = new Set(['.jpg', '.jpeg']);

/**
 * Chooses the path of each input's drawing: `out` itself for a single image, unless `out` is a folder; otherwise the input's
 * name in the folder `out`, as JPEG for a JPEG and as PNG for all others. No two drawings share a path.
 * @throws UsageError when a drawing would overwrite an input, or `out` has no suffix of an image
 */
export function planDrawings({ inputs, single }: Inputs, out: string): Drawing[] {
  const folder = !single || out.endsWith('/') || (statSync(out, { throwIfNoEntry: false })?.isDirectory() ?? false);
  const drawings = folder ? inFolder(inputs, out) : [singleFile(out)];
  const sources = new Set(inputs.flatMap(({ from }) => (from.kind === 'file' ? [resolve(from.path)] : [])));
  for (const { path } of drawings) {
    if (sources.has(resolve(path))) throw new UsageError(`--draw ${out} would overwrite ${path}`);
  }
  return drawings;
}

function singleFile(out: string): Drawing {
  const extension = extname(out).toLowerCase();
  if (JPEG.has(extension)) return { path: out, format: 'jpeg' };
  if (extension === '.png') return { path: out, format: 'png' };
  throw new UsageError(`--draw ${out}: expected a .png or .jpg file, or a folder ending in /`);
}

function inFolder(inputs: Inputs['inputs'], out: string): Drawing[] {
  const taken = new Set<string>();
  return inputs.map(({ name }) => {
    const extension = extname(name);
    const format = JPEG.has(extension.toLowerCase()) ? 'jpeg' : 'png';
    const stem = name.slice(0, name.length - extension.length);
    const ending = format === 'jpeg' ? extension : '.png';
    let path = join(out, stem + ending);
    for (let n = 2; taken.has(path); n++) path = join(out, `${stem}-${n}${ending}`);
    taken.add(path);
    return { path, format };
  });
}
