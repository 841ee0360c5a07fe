import type { Session } from '../device/session.ts';
import type { RgbImage } from '../image/index.ts';
import type { LandmarkCrop } from '../pack/manifest.ts';
import { type Crop, toImage } from './crop.ts';
import { warp } from './warp.ts';

export interface Landmarks {
  /** 106 x, y pairs in px of the image. */
  points: Float32Array;
  /** 0..1: the model's score that the crop holds a face. */
  presence: number;
}

/** Faces per run: bounds memory, and a CPU is no faster with more. */
const CHUNK = 8;

/** The 106 points of every crop. */
export async function findLandmarks(
  session: Session,
  image: RgbImage,
  crops: readonly Crop[],
  rule: LandmarkCrop,
): Promise<Landmarks[]> {
  const bytes = rule.size * rule.size * 3;
  const found: Landmarks[] = [];
  for (let start = 0; start < crops.length; start += CHUNK) {
    const chunk = crops.slice(start, start + CHUNK);
    const faces = new Uint8Array(chunk.length * bytes);
    chunk.forEach((crop, i) => {
      warp(image, crop, rule.size, faces.subarray(i * bytes, (i + 1) * bytes));
    });
    const output = await session.run({ faces: { data: faces, dims: [chunk.length, rule.size, rule.size, 3] } });
    const points = output['points']!.data as Float32Array;
    const presence = output['presence']!.data as Float32Array;
    chunk.forEach((crop, i) => {
      found.push({
        points: toImage(points.slice(i * 212, (i + 1) * 212), crop, rule.size),
        presence: presence[i]!,
      });
    });
  }
  return found;
}
