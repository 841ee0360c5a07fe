/** What an image costs with the passes of the pack, and with those of release 0.1.0, alternately in one run. */
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createPipeline, DEFAULT_PACK } from '@facequeue/pipeline';
import type { CallerOptions, Profile } from '@facequeue/schema';
import { withCpuMs } from '../support/cpu-time.ts';
import { median } from '../support/statistics.ts';

export interface PassCost {
  /** CPU-ms, decoding included. */
  earlier: number;
  now: number;
}

/** The pack with the passes of 0.1.0 and the pack itself, opened. */
export interface PassesToCompare extends AsyncDisposable {
  /** The mean over the pictures of each picture's median cost over the repeats. */
  cost(pictures: readonly Uint8Array[], profile: Profile, repeats: number, options?: CallerOptions): Promise<PassCost>;
}

/** Opens both packs; the first is written to a temporary folder, which is deleted on disposal. */
export async function openPasses(): Promise<PassesToCompare> {
  const folder = await mkdtemp(join(tmpdir(), 'facequeue-earlier-'));
  const manifest = JSON.parse(await readFile(DEFAULT_PACK, 'utf8'));
  for (const { file } of Object.values<{ file: string }>(manifest.models))
    await symlink(join(dirname(DEFAULT_PACK), file), join(folder, file));
  // At most 1.5 megapixels, and 2 enlarged; `balanced` stopped wherever nothing small was seen.
  for (const passes of [manifest.detection.passes.balanced, manifest.detection.passes['small-faces']])
    passes[2].max_megapixels = 1.5;
  manifest.detection.passes.balanced[2].skip = {
    ...manifest.detection.passes.balanced[2].skip,
    face_score: 0,
    speck_score: 0.1,
  };
  Object.assign(manifest.detection.passes['small-faces'][3], { max_megapixels: 2, min_scale: undefined });
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest));
  const earlier = await createPipeline({ device: 'cpu', packPath: join(folder, 'manifest.json') });
  const now = await createPipeline({ device: 'cpu' });
  for (const pipeline of [earlier, now]) await pipeline.warm();
  return {
    async cost(pictures, profile, repeats, more = {}) {
      const options = { profile, landmarks: true, attributes: true, orient: true, ...more };
      const sum = { earlier: 0, now: 0 };
      for (const bytes of pictures) {
        const used: Record<keyof PassCost, number[]> = { earlier: [], now: [] };
        for (let repeat = -1; repeat < repeats; repeat++) {
          const { cpuMs: earlierMs } = await withCpuMs(() => earlier.detect(bytes, options));
          const { cpuMs: nowMs } = await withCpuMs(() => now.detect(bytes, options));
          if (repeat < 0) continue;
          used.earlier.push(earlierMs);
          used.now.push(nowMs);
        }
        sum.earlier += median(used.earlier) / pictures.length;
        sum.now += median(used.now) / pictures.length;
      }
      return sum;
    },
    async [Symbol.asyncDispose]() {
      await earlier.close();
      await now.close();
      await rm(folder, { recursive: true });
    },
  };
}
