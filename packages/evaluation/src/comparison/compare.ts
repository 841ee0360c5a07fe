/** What differs between two sets of faces found in the same image. */
import { type Box, sizeOf } from '../box.ts';
import { matchFaces } from '../detection/match.ts';

/** A face that a pack found. */
export interface FoundFace {
  box: Box;
  /** 0..1 */
  confidence: number;
  /** 106 x, y pairs, px. */
  landmarks?: ArrayLike<number>;
  /** Probability of male 0..1 and age in years. */
  attributes?: { male: number; age: number };
}

/** Faces of one image, found by two packs. */
export interface Comparison<F extends FoundFace = FoundFace> {
  /** Faces that both found. */
  pairs: { before: F; after: F }[];
  /** Faces that the first one alone found. */
  vanished: F[];
  /** Faces that the second one alone found. */
  appeared: F[];
}

/** How far pairs moved. */
export interface Shift {
  mean: number;
  largest: number;
}

export interface ComparisonFigures {
  images: number;
  pairs: number;
  vanished: number;
  appeared: number;
  /** After minus before; the mean can be below 0, the largest is an absolute value. Null without pairs, as all of these. */
  confidence: Shift | null;
  /** Distance between the boxes' centres, and mean distance between the 106 points, as shares of the face's size. */
  boxes: Shift | null;
  points: Shift | null;
  /** Change of the box's size as a share of it, signed like the confidence. */
  sizes: Shift | null;
  /** Years, absolute. */
  ages: Shift | null;
  /** Pairs whose gender differs. */
  genders: number;
}

/** Boxes of one face have an intersection over union of at least a half. */
const RULES = { iou: 0.5, rule: 'free' } as const;

/** Pairs the faces that two packs found in the same image. */
export function compareFaces<F extends FoundFace>(before: readonly F[], after: readonly F[]): Comparison<F> {
  const { foundBy, outcomes } = matchFaces(after, before, RULES);
  return {
    pairs: before.flatMap((face, i) => (foundBy[i] === null ? [] : [{ before: face, after: after[foundBy[i]!]! }])),
    vanished: before.filter((_, i) => foundBy[i] === null),
    appeared: after.filter((_, i) => outcomes[i] === 'false'),
  };
}

/** Differences over all images. */
export function comparisonFigures(comparisons: readonly Comparison[]): ComparisonFigures {
  const pairs = comparisons.flatMap((one) => one.pairs);
  const count = (part: 'vanished' | 'appeared') => comparisons.reduce((sum, one) => sum + one[part].length, 0);
  const shift = (of: (pair: (typeof pairs)[number]) => number | null): Shift | null => {
    const values = pairs.flatMap((pair) => of(pair) ?? []);
    if (!values.length) return null;
    return {
      mean: values.reduce((sum, value) => sum + value, 0) / values.length,
      largest: values.reduce((most, value) => Math.max(most, Math.abs(value)), 0),
    };
  };
  return {
    images: comparisons.length,
    pairs: pairs.length,
    vanished: count('vanished'),
    appeared: count('appeared'),
    confidence: shift(({ before, after }) => after.confidence - before.confidence),
    boxes: shift(({ before, after }) => distanceOfCentres(before.box, after.box) / sizeOf(before.box)),
    points: shift(({ before, after }) =>
      before.landmarks && after.landmarks ? meanDistance(before.landmarks, after.landmarks) / sizeOf(before.box) : null,
    ),
    sizes: shift(({ before, after }) => sizeOf(after.box) / sizeOf(before.box) - 1),
    ages: shift(({ before, after }) =>
      before.attributes && after.attributes ? Math.abs(after.attributes.age - before.attributes.age) : null,
    ),
    genders: pairs.filter(
      ({ before, after }) =>
        before.attributes && after.attributes && before.attributes.male >= 0.5 !== after.attributes.male >= 0.5,
    ).length,
  };
}

function distanceOfCentres(a: Box, b: Box): number {
  return Math.hypot(a.x + a.width / 2 - b.x - b.width / 2, a.y + a.height / 2 - b.y - b.height / 2);
}

function meanDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 2) sum += Math.hypot(a[i]! - b[i]!, a[i + 1]! - b[i + 1]!);
  return sum / (a.length / 2);
}
