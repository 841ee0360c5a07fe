/** Pictures that lie on their side or stand on their head, though nothing in the file says so: rotate=auto. */
import sharp from 'sharp';
import type { DetectedFace } from '../detection.ts';
import type { RgbImage } from '../image/index.ts';
import type { RotationRules } from '../pack/manifest.ts';
import type { Size } from './letterbox.ts';

/** Degrees clockwise by which a picture is turned. */
export type Rotation = 0 | 90 | 180 | 270;
export const ROTATIONS = [90, 180, 270] as const satisfies Rotation[];

const logit = (p: number) => Math.log(p / (1 - p));

/** How much the faces found speak for a direction: by how much each exceeds `confidence` in log-odds, in sum. */
export function evidence(scores: readonly number[], confidence: number): number {
  return scores.reduce((sum, score) => sum + Math.max(0, logit(Math.min(score, 0.9999)) - logit(confidence)), 0);
}

/**
 * The direction in which a picture is upright.
 * @param scores of the faces found in each direction, 0..1
 * @param confidence of a face that counts, 0..1
 * @returns one that is not 0 only when it wins clearly: at least as one face of `rules.least_score` does, and over every
 *   other direction by the factor `rules.margin`
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
    of(one) >= least && all.every((other) => other === one || of(one) >= rules.margin * of(other));
  return ROTATIONS.find(wins) ?? 0;
}

/** A picture turned clockwise. */
export async function rotated(image: RgbImage, rotation: Rotation): Promise<RgbImage> {
  if (rotation === 0) return image;
  const raw = { width: image.width, height: image.height, channels: 3 } as const;
  const data = await sharp(image.data, { raw }).rotate(rotation).raw().toBuffer();
  const { width, height } = image;
  return rotation === 180 ? { data, width, height } : { data, width: height, height: width };
}

/**
 * Moves a face, in place, from a turned picture to where it lies in the picture before.
 * @param turned size of the turned picture, px
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
