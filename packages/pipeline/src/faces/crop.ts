/**
 * Where a face's crop lies in the image: a square rotated with the head. The crop's own coordinates run from
 * -0.5 to 0.5 on both axes.
 */
import type { AttributeCrop, LandmarkCrop } from '../pack/manifest.ts';

/** A rotated square, px of the image. */
export interface Crop {
  readonly centreX: number;
  readonly centreY: number;
  /** Side, px. */
  readonly side: number;
  /** Roll of the head in radians, clockwise on screen. */
  readonly roll: number;
}

interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Centre of the eyes, centre of the mouth corners, and the vectors eye to eye and eyes to mouth, from the detector's five points. */
function axes(points: ArrayLike<number>) {
  const [ax, ay, bx, by] = [points[0]!, points[1]!, points[2]!, points[3]!];
  const eyes = { x: (ax + bx) / 2, y: (ay + by) / 2 };
  const mouth = { x: (points[6]! + points[8]!) / 2, y: (points[7]! + points[9]!) / 2 };
  const across = { x: bx - ax, y: by - ay };
  const down = { x: mouth.x - eyes.x, y: mouth.y - eyes.y };
  return { eyes, mouth, across, down };
}

/**
 * The head's roll, radians. The vector between the eyes and the vector from eyes to mouth, rotated by a right angle, are
 * added: in profile the eyes coincide, and the second still gives the direction.
 * @param points x, y of the detector's five points
 */
export function rollOf(points: ArrayLike<number>): number {
  const { across, down } = axes(points);
  return Math.atan2(across.y - down.x, across.x + down.y);
}

/**
 * How far the head is turned to the side: the offset of the nose from the middle between eyes and mouth, along the line of the eyes, as a
 * share of the distance from eyes to mouth. Negative towards the left of the image; about 0.2 where half of the jaw is hidden.
 * @param points x, y of the detector's five points, px
 */
export function yawRatioOf(points: ArrayLike<number>): number {
  const { eyes, mouth, down } = axes(points);
  const roll = rollOf(points);
  const x = points[4]! - (eyes.x + mouth.x) / 2;
  const y = points[5]! - (eyes.y + mouth.y) / 2;
  // Where eyes and mouth are closer than a pixel, the ratio would say nothing.
  return (x * Math.cos(roll) + y * Math.sin(roll)) / Math.max(1, Math.hypot(down.x, down.y));
}

/** The crop for landmarks: the detector's box, enlarged and shifted towards the chin. */
export function landmarkCrop(box: Box, points: ArrayLike<number>, rule: LandmarkCrop): Crop {
  const roll = rollOf(points);
  const size = Math.sqrt(box.width * box.height);
  const shift = rule.shift_down * size;
  return {
    centreX: box.x + box.width / 2 - shift * Math.sin(roll),
    centreY: box.y + box.height / 2 + shift * Math.cos(roll),
    side: rule.scale * size,
    roll,
  };
}

/** The crop for gender and age: centred between eyes and mouth, sized by the larger of their two distances. */
export function attributeCrop(points: ArrayLike<number>, rule: AttributeCrop): Crop {
  const { eyes, mouth, across, down } = axes(points);
  const roll = rollOf(points);
  const extent = Math.max(Math.hypot(across.x, across.y), rule.mouth_ratio * Math.hypot(down.x, down.y));
  const side = rule.scale * extent;
  const shift = rule.shift_down * side;
  return {
    centreX: (eyes.x + mouth.x) / 2 - shift * Math.sin(roll),
    centreY: (eyes.y + mouth.y) / 2 + shift * Math.cos(roll),
    side,
    roll,
  };
}

/** Converts points from px of the crop (0..size) to px of the image, in place. */
export function toImage(points: Float32Array, crop: Crop, size: number): Float32Array {
  const cos = Math.cos(crop.roll) * crop.side;
  const sin = Math.sin(crop.roll) * crop.side;
  for (let i = 0; i < points.length; i += 2) {
    const a = points[i]! / size - 0.5;
    const b = points[i + 1]! / size - 0.5;
    points[i] = crop.centreX + a * cos - b * sin;
    points[i + 1] = crop.centreY + a * sin + b * cos;
  }
  return points;
}
