import type { Arrays, Session } from '../device/session.ts';
import type { LandmarkCrop, RefinementRules } from '../pack/manifest.ts';
import type { Pixels } from '../pixels/index.ts';
import { type Crop, toImage } from './crop.ts';
import { refinedPoints } from './refinement.ts';
import { runOnCrops } from './run-on-crops.ts';

export interface Landmarks {
  /** 106 x, y pairs in px of the image. */
  points: Float32Array;
  /** 0..1: the model's score that the crop holds a face. */
  presence: number;
}

/** Where to look for the points of a face. */
export interface LandmarkPlace {
  crop: Crop;
  /** Of the head, as `yawRatioOf` measures it. */
  yawRatio: number;
}

/** A second model, which sees the same crops, and how much its points count. */
export interface Refiner {
  session: Session;
  rules: RefinementRules;
}

/** Faces of a run on the CPU. Runs of eight take 10 MB more, and no less CPU time. */
const FACES_PER_RUN = 4;

const pointsOf = (output: Arrays) => output['points']!.data as Float32Array;

/**
 * The 106 points of every face.
 * @param refiner null for the landmark model alone
 * @param onCrop called with the pixels of each crop, in order
 */
export async function findLandmarks(
  session: Session,
  refiner: Refiner | null,
  image: Pixels,
  places: readonly LandmarkPlace[],
  rule: LandmarkCrop,
  onCrop = (_pixels: Uint8Array) => {},
): Promise<Landmarks[]> {
  const found: Landmarks[] = [];
  const runs = runOnCrops(
    session,
    image,
    places.map(({ crop }) => crop),
    { size: rule.size, perRun: Math.max(FACES_PER_RUN, session.fullBatch ?? 0) },
  );
  for await (const { crops, inputs, output } of runs) {
    const points = pointsOf(output);
    const refined = refiner && pointsOf(await refiner.session.run(inputs));
    const presence = output['presence']!.data as Float32Array;
    const pixels = inputs['faces']!.data as Uint8Array;
    crops.forEach((crop, i) => {
      const own = points.slice(i * 212, (i + 1) * 212);
      const { yawRatio } = places[found.length]!;
      const both = refined && refinedPoints(own, refined.subarray(i * 212, (i + 1) * 212), yawRatio, refiner.rules);
      const bytes = pixels.length / crops.length;
      onCrop(pixels.subarray(i * bytes, (i + 1) * bytes));
      found.push({ points: toImage(both ?? own, crop, rule.size), presence: presence[i]! });
    });
  }
  return found;
}
