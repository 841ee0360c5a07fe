import type { Candidate, Corners } from './candidate.ts';
import { Neighbours } from './neighbours.ts';

/** Intersection over union of two boxes, 0..1. */
export function iou(a: Corners, b: Corners): number {
  const width = Math.min(a.x2, b.x2) - Math.max(a.x1, b.x1);
  const height = Math.min(a.y2, b.y2) - Math.max(a.y1, b.y1);
  if (width <= 0 || height <= 0) return 0;
  const both = width * height;
  return both / ((a.x2 - a.x1) * (a.y2 - a.y1) + (b.x2 - b.x1) * (b.y2 - b.y1) - both);
}

/** From this size in a pass's own px, its five points do not improve; those of a larger scale are worse. */
const POINTS_SETTLED = 64;

/**
 * Greedy non-maximum suppression with box voting (Gidaris and Komodakis, 2015): the highest score of each group
 * is kept, its box becomes the score-weighted mean of the boxes that overlap it by `voteIou` or more, and its points come
 * from the coarsest pass in which the face was large enough.
 * @returns merged candidates, highest score first; the input is not changed
 */
export function merge(candidates: readonly Candidate[], nmsIou: number, voteIou: number): Candidate[] {
  const byScore = candidates.toSorted((a, b) => b.score - a.score);
  const neighbours = new Neighbours(byScore, Math.min(nmsIou, voteIou));
  const suppressed = new Uint8Array(byScore.length);
  const kept: Candidate[] = [];
  for (let i = 0; i < byScore.length; i++) {
    if (suppressed[i]) continue;
    const best = byScore[i]!;
    const voters: number[] = [];
    for (const index of neighbours.of(best)) {
      if (index <= i || suppressed[index]) continue;
      const overlap = iou(best, byScore[index]!);
      if (overlap >= nmsIou) suppressed[index] = 1;
      if (overlap >= voteIou) voters.push(index);
    }
    let weight = best.score;
    let [x1, y1, x2, y2] = [best.x1 * weight, best.y1 * weight, best.x2 * weight, best.y2 * weight];
    let pointsFrom = best;
    // In the order of their scores, on which the choice of points depends.
    for (const index of voters.sort((a, b) => a - b)) {
      const other = byScore[index]!;
      weight += other.score;
      x1 += other.x1 * other.score;
      y1 += other.y1 * other.score;
      x2 += other.x2 * other.score;
      y2 += other.y2 * other.score;
      if (other.pass < pointsFrom.pass && other.passSize >= POINTS_SETTLED) pointsFrom = other;
    }
    kept.push({
      ...best,
      x1: x1 / weight,
      y1: y1 / weight,
      x2: x2 / weight,
      y2: y2 / weight,
      points: pointsFrom.points,
    });
  }
  return kept;
}
