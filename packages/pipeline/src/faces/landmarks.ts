import type { Session } from '../device/session.ts';
import type { RgbImage } from '../image/index.ts';
import type { LandmarkCrop } from '../pack/manifest.ts';
import { type Crop, toImage } from './crop.ts';
import { runOnCrops } from './run-on-crops.ts';

export interface Landmarks {
  /** 106 x, y pairs in px of the image. */
  points: Float32Array;
  /** 0..1: the model's score that the crop holds a face. */
  presence: number;
}

const FACES_PER_RUN = 8;

/** The 106 points of every crop. */
export async function findLandmarks(
  session: Session,
  image: RgbImage,
  crops: readonly Crop[],
  rule: LandmarkCrop,
): Promise<Landmarks[]> {
  const found: Landmarks[] = [];
  for await (const { crops: some, output } of runOnCrops(session, image, crops, {
    size: rule.size,
    perRun: FACES_PER_RUN,
  })) {
    const points = output['points']!.data as Float32Array;
    const presence = output['presence']!.data as Float32Array;
    some.forEach((crop, i) => {
      found.push({
        points: toImage(points.slice(i * 212, (i + 1) * 212), crop, rule.size),
        presence: presence[i]!,
      });
    });
  }
  return found;
}
