/** Decoding, shrinking and cropping for the lean bound: the kernels of this checkout, in memory that is used again for each image. */
import { decode, readHeader } from '@facequeue/pipeline';
import type { Crop } from '../../../packages/pipeline/src/faces/crop.ts';
import { Arena, type Samples } from '../../../packages/pipeline/src/pixels/index.ts';

const LIMITS = { maxSide: 8192, maxPixels: 50e6 };
/** As the pipeline decodes. */
const LARGEST_SIDE = 4096;

export interface LeanKernels {
  /** Decodes the picture, makes the levels and cuts the crops. */
  run(): Promise<void>;
}

/**
 * @param levels sizes to which the picture is shrunk
 * @param crops where crops lie in the picture, and their sides
 */
export async function leanKernels(
  bytes: Uint8Array,
  levels: readonly { width: number; height: number }[],
  crops: readonly { crop: Crop; size: number }[],
): Promise<LeanKernels> {
  const header = readHeader(bytes, LIMITS);
  const options = { orient: true, limits: LIMITS, maxSide: LARGEST_SIDE };
  const arena = new Arena();
  const picture = arena.pixels(await decode(bytes, header, options));
  // Each from the one before it where that is twice as large, the largest first.
  const shrunk = levels
    .toSorted((a, b) => b.width - a.width)
    .map((size) => ({ to: arena.pixels(size), from: picture }))
    .map((one, i, all) => ({
      ...one,
      from: all.findLast(({ to }, k) => k < i && to.width >= 2 * one.to.width)?.to ?? picture,
    }));
  const squares = crops.map(({ crop, size }) => ({
    samples: samplesOf(crop, size),
    to: arena.pixels({ width: size, height: size }),
  }));
  return {
    async run() {
      await decode(bytes, header, { ...options, allocate: () => picture });
      for (const { from, to } of shrunk) arena.kernels.shrink(from, to);
      for (const { samples, to } of squares) arena.kernels.warp(picture, samples, to.data);
    },
  };
}

/** The grid of samples that a crop consists of. */
function samplesOf({ centreX, centreY, side, roll }: Crop, size: number): Samples {
  const cos = (Math.cos(roll) * side) / size;
  const sin = (Math.sin(roll) * side) / size;
  const half = size / 2 - 0.5;
  return {
    left: centreX - half * cos + half * sin - 0.5,
    top: centreY - half * sin - half * cos - 0.5,
    cos,
    sin,
    size,
  };
}
