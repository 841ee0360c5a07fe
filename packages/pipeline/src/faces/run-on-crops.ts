import type { Arrays, Session } from '../device/session.ts';
import type { Pixels } from '../pixels/index.ts';
import type { Crop } from './crop.ts';
import { warp } from './warp.ts';

/** The EXIF orientation of a picture with left and right swapped. */
const MIRRORED = 2;

export interface CropRun {
  /** Side of a crop, px. */
  size: number;
  /** Crops per run: bounds memory. */
  perRun: number;
  /** Whether the mirror image of each crop follows it. */
  mirrored?: boolean;
}

/** One run of a model on crops. */
export interface CropOutput {
  crops: readonly Crop[];
  /** What the model saw, in the image's arena: valid until the next run. */
  inputs: Arrays;
  output: Arrays;
}

/** Cuts crops out of an image and runs a model with the input `faces` on them, some at a time. */
export async function* runOnCrops(
  session: Session,
  image: Pixels,
  crops: readonly Crop[],
  { size, perRun, mirrored = false }: CropRun,
): AsyncGenerator<CropOutput> {
  const { arena } = image;
  const views = mirrored ? 2 : 1;
  for (let start = 0; start < crops.length; start += perRun) {
    const some = crops.slice(start, start + perRun);
    using _batch = arena.scope();
    const rows = some.length * views;
    // One below the other.
    const batch = arena.pixels({ width: size, height: rows * size });
    const row = (i: number) => batch.part(0, i * size, { width: size, height: size });
    some.forEach((crop, i) => {
      const straight = row(i * views);
      warp(image, crop, straight);
      if (mirrored) arena.kernels.orient(straight, row(i * views + 1), MIRRORED);
    });
    const inputs = { faces: { data: batch.data, dims: [rows, size, size, 3] } };
    const output = await session.run(inputs);
    yield { crops: some, inputs, output };
  }
}
