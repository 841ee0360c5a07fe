import type { Arrays, Session } from '../device/session.ts';
import type { RgbImage } from '../image/index.ts';
import type { Crop } from './crop.ts';
import { mirror, warp } from './warp.ts';

export interface CropRun {
  /** Side of a crop, px. */
  size: number;
  /** Crops per run: bounds memory, and a CPU is no faster with more. */
  perRun: number;
  /** Whether the mirror image of each crop follows it. */
  mirrored?: boolean;
}

/** One run of a model on crops. */
export interface CropOutput {
  crops: readonly Crop[];
  /** What the model saw. */
  inputs: Arrays;
  output: Arrays;
}

/** Cuts crops out of an image and runs a model with the input `faces` on them, some at a time. */
export async function* runOnCrops(
  session: Session,
  image: RgbImage,
  crops: readonly Crop[],
  { size, perRun, mirrored = false }: CropRun,
): AsyncGenerator<CropOutput> {
  const bytes = size * size * 3;
  const views = mirrored ? 2 : 1;
  for (let start = 0; start < crops.length; start += perRun) {
    const some = crops.slice(start, start + perRun);
    const data = new Uint8Array(some.length * views * bytes);
    some.forEach((crop, i) => {
      const at = i * views * bytes;
      const straight = data.subarray(at, at + bytes);
      warp(image, crop, size, straight);
      if (mirrored) mirror(straight, size, data.subarray(at + bytes, at + 2 * bytes));
    });
    const inputs = { faces: { data, dims: [some.length * views, size, size, 3] } };
    const output = await session.run(inputs);
    yield { crops: some, inputs, output };
  }
}
