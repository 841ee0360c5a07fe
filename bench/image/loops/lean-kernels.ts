/** Decoding, shrinking and cropping for the lean bound, with the quickest code that this checkout has. */
import { decode, readHeader } from '@facequeue/pipeline';
import { shrink } from '../../../packages/pipeline/src/detection/pyramid.ts';
import type { Crop } from '../../../packages/pipeline/src/faces/crop.ts';
import { warp } from '../../../packages/pipeline/src/faces/warp.ts';

const LIMITS = { maxSide: 8192, maxPixels: 50e6 };

export interface LeanKernels {
  /** Decodes the picture, makes the levels and cuts the crops. */
  run(): Promise<void>;
}

export async function leanKernels(
  bytes: Uint8Array,
  levels: readonly { width: number; height: number }[],
  crops: readonly { crop: Crop; size: number }[],
): Promise<LeanKernels> {
  const header = readHeader(bytes, LIMITS);
  const outputs = crops.map(({ size }) => new Uint8Array(size * size * 3));
  return {
    async run() {
      const image = await decode(bytes, header, { orient: true, limits: LIMITS, maxSide: 4096 });
      // Each from the one before it, the largest first.
      let from = image;
      for (const level of [...levels].sort((a, b) => b.width - a.width)) {
        from = await shrink(from.width >= 2 * level.width ? from : image, level);
      }
      for (const [i, { crop, size }] of crops.entries()) warp(image, crop, size, outputs[i]!);
    },
  };
}
