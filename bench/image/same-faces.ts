/** Whether a program finds the faces of a picture: one that finds fewer, and so does less, is not timed. */

/** Of a face, px. */
export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Boxes of one face by different models overlap by at least this: some draw them from the brow, others from the hair. */
const LEAST_OVERLAP = 0.3;

/** Intersection over union. */
export function overlap(a: Box, b: Box): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  const shared = Math.max(0, width) * Math.max(0, height);
  return shared / (a.width * a.height + b.width * b.height - shared);
}

/**
 * What is wrong with the faces that a program found; null when each is one of the reference and none is missing.
 * @param reference boxes of different faces, px
 */
export function difference(found: readonly Box[], reference: readonly Box[]): string | null {
  if (found.length !== reference.length) return `finds ${found.length} faces of ${reference.length}`;
  const left = new Set(reference);
  for (const box of found) {
    const nearest = [...left].sort((a, b) => overlap(box, b) - overlap(box, a))[0]!;
    if (overlap(box, nearest) < LEAST_OVERLAP) {
      const place = [box.x, box.y].map(Math.round).join(', ');
      return `finds a face at ${place} where there is none`;
    }
    left.delete(nearest);
  }
  return null;
}
