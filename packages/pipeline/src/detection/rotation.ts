/** Images that lie on their side or stand on their head without an EXIF orientation that says so: `rotate=auto`. */
import type { DetectedFace } from '../detection.ts';
import type { Size } from '../image/index.ts';
import type { RotationRules } from '../pack/manifest.ts';
import type { Pixels } from '../pixels/index.ts';
import { bounded, logit } from './log-odds.ts';

/** Degrees clockwise by which an image is turned. */
export type Rotation = 0 | 90 | 180 | 270;
/** Those that turn it. */
export const ROTATIONS = [90, 180, 270] as const satisfies Rotation[];

/** Scores nearer to 0 or 1 count as this far from them: their log-odds have no bound. */
const LEAST_DOUBT = 1e-4;

const boundedLogit = (p: number) => logit(bounded(p, LEAST_DOUBT));

/**
 * How strongly the faces found speak for a direction: the sum of what each exceeds `confidence` by, in log-odds.
 * @param scores 0..1
 * @param confidence 0..1
 */
export function evidence(scores: readonly number[], confidence: number): number {
  return scores.reduce((sum, score) => sum + Math.max(0, boundedLogit(score) - boundedLogit(confidence)), 0);
}

/**
 * The direction in which an image is upright.
 * @param scores of the faces found in each direction, 0..1
 * @param confidence from which a face counts, 0..1
 * @returns 0 unless another direction wins clearly: its evidence is at least that of one face of `rules.least_score`, and
 *   `rules.margin` times that of every other direction
 */
export function clearRotation(
  scores: Readonly<Record<Rotation, readonly number[]>>,
  confidence: number,
  rules: RotationRules,
): Rotation {
  const of = (rotation: Rotation) => evidence(scores[rotation], confidence);
  const all: readonly Rotation[] = [0, ...ROTATIONS];
  const least = evidence([rules.least_score], confidence);
  const wins = (one: Rotation) =>
    of(one) > 0 && of(one) >= least && all.every((other) => other === one || of(one) >= rules.margin * of(other));
  return ROTATIONS.find(wins) ?? 0;
}

/** The EXIF orientation of an image that must be turned so. */
const ORIENTATIONS = { 90: 6, 180: 3, 270: 8 } as const;

/** An image turned clockwise, in the same arena; the image itself for 0. */
export function rotated(image: Pixels, rotation: Rotation): Pixels {
  return rotation === 0 ? image : image.turned(ORIENTATIONS[rotation]);
}

/**
 * Moves a face, in place, from a turned image to where it lies in the image before the turn.
 * @param turned size of the turned image, px
 */
export function rotateBack(face: DetectedFace, rotation: Rotation, turned: Size): void {
  if (rotation === 0) return;
  const back = (x: number, y: number): [number, number] => {
    if (rotation === 90) return [y, turned.width - x];
    if (rotation === 180) return [turned.width - x, turned.height - y];
    return [turned.height - y, x];
  };
  const { x, y, width, height } = face.box;
  const [ax, ay] = back(x, y);
  const [bx, by] = back(x + width, y + height);
  face.box = { x: Math.min(ax, bx), y: Math.min(ay, by), width: Math.abs(bx - ax), height: Math.abs(by - ay) };
  for (const points of [face.points5, face.landmarks ?? []])
    for (let i = 0; i < points.length; i += 2) [points[i], points[i + 1]] = back(points[i]!, points[i + 1]!);
}
