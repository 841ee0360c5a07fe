import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Output } from './output.ts';

/**
 * Writes a file, and makes the folders above it.
 * @param content called once these folders exist
 * @returns false when the file cannot be written; the reason has been printed
 */
export async function writeOutput(
  path: string,
  content: () => Promise<string | Uint8Array>,
  { stderr }: Output,
): Promise<boolean> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, await content());
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    stderr(`${path} cannot be written: ${(error as Error).message}`);
    return false;
  }
}
