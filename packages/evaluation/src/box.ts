/** A box in px from the top left corner of its image; it may extend beyond the image. */
export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** The size of a face: the square root of its box's area, px. */
export function sizeOf({ width, height }: Box): number {
  return Math.sqrt(width * height);
}

/** Area that two boxes share, px². */
export function intersection(a: Box, b: Box): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  return Math.max(0, width) * Math.max(0, height);
}

/** Intersection over union, 0..1; 0 for two empty boxes. */
export function iou(a: Box, b: Box): number {
  const shared = intersection(a, b);
  const union = a.width * a.height + b.width * b.height - shared;
  return union > 0 ? shared / union : 0;
}
