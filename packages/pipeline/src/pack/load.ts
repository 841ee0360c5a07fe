import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { Manifest, modelOf, type Role } from './manifest.ts';

/** The manifest that comes with the repository. */
export const DEFAULT_PACK = fileURLToPath(new URL('../../../../models/manifest.json', import.meta.url));

/** A pack cannot be used. Operators see it at start-up, callers of the API never. */
export class PackError extends Error {
  override readonly name = 'PackError';
}

/** A pack on disk: its manifest and the paths of its files. */
export interface Pack {
  readonly path: string;
  readonly manifest: Manifest;
  /** Absolute path of a role's model file. @throws Error when the pack has none for the role */
  file(role: Role): string;
}

/**
 * Reads and checks a manifest; the model files themselves are opened by the session (and hashed by `verifyPack`).
 * @throws PackError that names the file and the problem
 * @example
 * const pack = await loadPack();
 * pack.file('detector'); // absolute path of the detector's file
 */
export async function loadPack(path: string = DEFAULT_PACK): Promise<Pack> {
  const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new PackError(`cannot read the model pack ${path}: ${cause.code ?? cause.message}`, { cause });
  });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new PackError(`the model pack ${path} is not JSON: ${(cause as Error).message}`, { cause });
  }
  const parsed = Manifest.safeParse(path === DEFAULT_PACK ? json : await withPasses(json));
  if (!parsed.success)
    throw new PackError(`the model pack ${path} does not follow the schema:\n${z.prettifyError(parsed.error)}`);
  const folder = dirname(resolve(path));
  return { path, manifest: parsed.data, file: (role) => join(folder, modelOf(parsed.data, role).file) };
}

/**
 * A pack made for release 0.1.0 has no `passes`, because they were the same for all packs. It gets those of the default pack, and the
 * rules that go with them.
 */
async function withPasses(json: unknown): Promise<unknown> {
  const { detection } = Object(json);
  if (Object(detection) !== detection || 'passes' in detection) return json;
  const { passes, tiles, smallest_face, rotation } = (await loadPack()).manifest.detection;
  return { ...Object(json), detection: { passes, tiles, smallest_face, rotation, ...detection } };
}
