/** Which points of the 106 of an answer stand for those of a labelled face. */
import type { Points, TruthPoints } from '../truth/points.ts';

/**
 * For each of WFLW's 98 points the point of InsightFace's 106 at the same place of the face; left and right are sides of the
 * image.
 */
const WFLW_IN_106: readonly number[] = [
  // The jaw from the left ear to the chin, and up to the right ear: left1 … left16, chin, right16 … right1.
  ...[1, 9, 10, 11, 12, 13, 14, 15, 16, 2, 3, 4, 5, 6, 7, 8],
  0,
  ...[24, 23, 22, 21, 20, 19, 18, 32, 31, 30, 29, 28, 27, 26, 25, 17],
  // Left brow: its upper edge to the right, its lower edge back. Right brow likewise.
  ...[43, 48, 49, 51, 50, 46, 47, 45, 44],
  ...[102, 103, 104, 105, 101, 100, 99, 98, 97],
  // Bridge and tip of the nose, then its lower edge.
  ...[72, 73, 74, 86],
  ...[78, 79, 80, 85, 84],
  // Eyes, each from its left corner over the top.
  ...[35, 41, 40, 42, 39, 37, 33, 36],
  ...[89, 95, 94, 96, 93, 91, 87, 90],
  // Lips from the left corner over the top: outer edge, inner edge.
  ...[52, 64, 63, 71, 67, 68, 61, 58, 59, 53, 56, 55],
  ...[65, 66, 62, 70, 69, 57, 60, 54],
  // Pupils.
  38,
  92,
];

/** Points whose distance normalises an error: the outer corners of the eyes, and the pupils. */
const REFERENCE_POINTS = {
  'wflw-98': { eyes: [60, 72], pupils: [96, 97] },
  'insightface-106': { eyes: [35, 93], pupils: [38, 92] },
} as const;

/**
 * The points of an answer in the layout of the ground truth.
 * @param points106 106 x, y pairs
 */
export function inLayout(points106: ArrayLike<number>, layout: TruthPoints['layout']): Points {
  if (layout === 'insightface-106') return Array.from(points106);
  return WFLW_IN_106.flatMap((index) => [points106[2 * index]!, points106[2 * index + 1]!]);
}

/** Distances within a labelled face, px: between the outer corners of its eyes, and between its pupils. */
export function normalisers({ points, layout }: Pick<TruthPoints, 'points' | 'layout'>) {
  const { eyes, pupils } = REFERENCE_POINTS[layout];
  return { eyes: distance(points, eyes[0], points, eyes[1]), pupils: distance(points, pupils[0], points, pupils[1]) };
}

/** Whether a labelled face has a size by which errors can be measured: eyes and pupils at different places. */
export function isMeasurable(face: Pick<TruthPoints, 'points' | 'layout'>): boolean {
  const { eyes, pupils } = normalisers(face);
  return eyes > 0 && pupils > 0;
}

/** Distance between point i of `a` and point k of `b`, px. */
export function distance(a: Points, i: number, b: Points, k: number): number {
  return Math.hypot(a[2 * i]! - b[2 * k]!, a[2 * i + 1]! - b[2 * k + 1]!);
}

/** The smallest box that contains the points, px. */
export function boundingBoxOf(points: Points) {
  const xs = points.filter((_, i) => i % 2 === 0);
  const ys = points.filter((_, i) => i % 2 === 1);
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y };
}
