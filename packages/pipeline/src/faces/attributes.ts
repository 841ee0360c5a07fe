import type { Session } from '../device/session.ts';
import type { RgbImage } from '../image/index.ts';
import type { AttributeCrop } from '../pack/manifest.ts';
import type { Crop } from './crop.ts';
import { mirror, warp } from './warp.ts';

export interface Attributes {
  /** Probability, 0..1. */
  male: number;
  /** Years. */
  age: number;
}

/** Faces per run; with mirror images twice as many crops. */
const CHUNK = 8;

/** Gender and age of every crop, averaged with those of its mirror image if the pack says so. */
export async function findAttributes(
  session: Session,
  image: RgbImage,
  crops: readonly Crop[],
  rule: AttributeCrop,
): Promise<Attributes[]> {
  const bytes = rule.size * rule.size * 3;
  const views = rule.mirror ? 2 : 1;
  const found: Attributes[] = [];
  for (let start = 0; start < crops.length; start += CHUNK) {
    const chunk = crops.slice(start, start + CHUNK);
    const faces = new Uint8Array(chunk.length * views * bytes);
    chunk.forEach((crop, i) => {
      const at = i * views * bytes;
      const straight = faces.subarray(at, at + bytes);
      warp(image, crop, rule.size, straight);
      if (rule.mirror) mirror(straight, rule.size, faces.subarray(at + bytes, at + 2 * bytes));
    });
    const output = await session.run({
      faces: { data: faces, dims: [chunk.length * views, rule.size, rule.size, 3] },
    });
    const male = output['male']!.data as Float32Array;
    const age = output['age']!.data as Float32Array;
    for (let i = 0; i < chunk.length; i++)
      found.push({ male: mean(male, i * views, views), age: mean(age, i * views, views) });
  }
  return found;
}

function mean(values: Float32Array, start: number, count: number): number {
  let sum = 0;
  for (let i = start; i < start + count; i++) sum += values[i]!;
  return sum / count;
}
