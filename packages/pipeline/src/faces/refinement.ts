/**
 * The weighted mean of two landmark models' points on one crop. Each model errs in its own way, so the mean is better than both. The jaw
 * is an exception: the far side of a turned head is hidden, and the models guess it differently.
 */
import type { RefinementRules } from '../pack/manifest.ts';

/** Indices into the 106 points. */
const PUPILS: readonly number[] = [38, 92];
const isLeftJaw = (index: number) => index >= 1 && index <= 16;
const isRightJaw = (index: number) => index >= 17 && index <= 32;

/**
 * The points of both models together.
 * @param points 106 x, y pairs of the landmark model
 * @param refiner the same points of the refiner
 * @param yawRatio of the head, as `yawRatioOf` measures it
 * @example
 * refinedPoints(mesh, attention, yawRatioOf(face.points5), manifest.refinement);
 */
export function refinedPoints(
  points: Float32Array,
  refiner: Float32Array,
  yawRatio: number,
  { share, pupil_share, far_jaw_yaw: [from, to] }: RefinementRules,
): Float32Array {
  const farShare = 1 - Math.min(1, Math.max(0, (Math.abs(yawRatio) - from) / (to - from)));
  const shareOf = (index: number) => {
    if (PUPILS.includes(index)) return pupil_share;
    if (isLeftJaw(index)) return yawRatio < 0 ? farShare : 1;
    if (isRightJaw(index)) return yawRatio < 0 ? 1 : farShare;
    return share;
  };
  return points.map((value, i) => value + shareOf(i >> 1) * (refiner[i]! - value));
}
