/** Packs with the passes of release 0.1.0, to compare what the passes of today cost. */
import { chmod, copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DEFAULT_PACK } from '@facequeue/pipeline';

export interface EarlierPack extends AsyncDisposable {
  /** Path of its manifest. */
  readonly path: string;
}

/**
 * Writes a pack with the passes of 0.1.0 into a temporary folder, which is deleted on disposal. One difference remains: where nothing at all
 * was found, `balanced` takes its third pass, as it does today.
 * @param source manifest of the pack that has the models
 */
export async function earlierPack(source: string = DEFAULT_PACK): Promise<EarlierPack> {
  const folder = await mkdtemp(join(tmpdir(), 'facequeue-earlier-'));
  // Engines run as another user.
  await chmod(folder, 0o755);
  const manifest = JSON.parse(await readFile(source, 'utf8'));
  const { passes, tiles, smallest_face, rotation } = JSON.parse(await readFile(DEFAULT_PACK, 'utf8')).detection;
  manifest.detection = { passes, tiles, smallest_face, rotation, ...manifest.detection };
  for (const { file } of Object.values<{ file: string }>(manifest.models))
    await copyFile(join(dirname(source), file), join(folder, file));
  // At most 1.5 megapixels, and 2 enlarged; `balanced` stopped wherever nothing small was seen.
  for (const several of [passes.balanced, passes['small-faces']]) several[2].max_megapixels = 1.5;
  passes.balanced[2].skip = { ...passes.balanced[2].skip, face_score: 0, speck_score: 0.1 };
  Object.assign(passes['small-faces'][3], { max_megapixels: 2, min_scale: undefined });
  const path = join(folder, 'manifest.json');
  await writeFile(path, JSON.stringify(manifest));
  return { path, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}
