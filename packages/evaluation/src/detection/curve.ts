/** Precision and recall over all thresholds of the confidence. */
import { type Detected, type Match, type MatchRules, matchFaces, type Truth } from './match.ts';

/** An image: what was detected in it, and its faces. */
export interface ScoredImage {
  detections: readonly Detected[];
  truths: readonly Truth[];
}

/** Detections of at least a confidence. */
export interface CurvePoint {
  confidence: number;
  /** Faces that they find, and detections that find none. */
  found: number;
  wrong: number;
}

export interface Curve {
  images: number;
  /** Faces that count. */
  faces: number;
  /** One for each confidence that occurs, highest first; independent of the sequence of images. */
  points: CurvePoint[];
}

/** An operating point: what the detections of at least one confidence amount to. */
export interface OperatingPoint {
  confidence: number;
  precision: number;
  recall: number;
  f1: number;
  falsePerImage: number;
}

/** Whether missing a face is an error. */
export const mustBeFound = ({ ignored, crowd }: Truth) => !ignored && !crowd;

/** Matches every image by the rules. */
export function matchAll(images: readonly ScoredImage[], rules: MatchRules): Match[] {
  return images.map(({ detections, truths }) => matchFaces(detections, truths, rules));
}

/**
 * Counts what is found and what is false at each confidence.
 * @param matches one for each image, in the same sequence
 */
export function curveOf(images: readonly ScoredImage[], matches: readonly Match[]): Curve {
  const scored = images.flatMap(({ detections }, i) =>
    detections.map(({ confidence }, k) => ({ confidence, outcome: matches[i]!.outcomes[k]! })),
  );
  scored.sort((a, b) => b.confidence - a.confidence);
  const points: CurvePoint[] = [];
  let [found, wrong] = [0, 0];
  for (const [i, { confidence, outcome }] of scored.entries()) {
    found += Number(outcome === 'true');
    wrong += Number(outcome === 'false');
    // Equal confidences are one point: no threshold separates them.
    if (scored[i + 1]?.confidence !== confidence) points.push({ confidence, found, wrong });
  }
  const faces = images.reduce((sum, { truths }) => sum + truths.filter(mustBeFound).length, 0);
  return { images: images.length, faces, points };
}

/**
 * Average precision with all-point interpolation (PASCAL VOC from 2010 on, WIDER FACE): the area under the curve in which the
 * precision at a recall is the highest at that recall or a higher one.
 * @returns 0..1; null without faces
 */
export function averagePrecision({ faces, points }: Curve): number | null {
  if (faces === 0) return null;
  let [area, best, recall] = [0, 0, points.at(-1)?.found ?? 0];
  // From the highest recall down, `best` is the highest precision so far.
  for (let i = points.length - 1; i >= 0; i--) {
    const { found, wrong } = points[i]!;
    best = Math.max(best, found / Math.max(1, found + wrong));
    const lower = points[i - 1]?.found ?? 0;
    area += (recall - lower) * best;
    recall = lower;
  }
  return area / faces;
}

/**
 * The highest recall with at most so many false faces an image.
 * @returns recall 0..1, and the least confidence that reaches it; 0 and Infinity where even the first detection is one too many
 */
export function recallAt(
  { images, faces, points }: Curve,
  falsePerImage: number,
): { recall: number; confidence: number } {
  const last = points.findLast(({ wrong }) => wrong <= falsePerImage * images + 1e-9);
  return { recall: faces ? (last?.found ?? 0) / faces : 0, confidence: last?.confidence ?? Number.POSITIVE_INFINITY };
}

/** What the detections of at least a confidence amount to. */
export function operatingPointAt(curve: Curve, confidence: number): OperatingPoint {
  const point = curve.points.findLast((one) => one.confidence >= confidence);
  return operatingPointOf(curve, { found: point?.found ?? 0, wrong: point?.wrong ?? 0, confidence });
}

/** The confidence with the highest F1, the harmonic mean of precision and recall; null without detections. */
export function bestOperatingPoint(curve: Curve): OperatingPoint | null {
  return curve.points.reduce<OperatingPoint | null>((best, point) => {
    const operatingPoint = operatingPointOf(curve, point);
    return best && best.f1 >= operatingPoint.f1 ? best : operatingPoint;
  }, null);
}

function operatingPointOf({ faces, images }: Curve, { confidence, found, wrong }: CurvePoint): OperatingPoint {
  const precision = found + wrong ? found / (found + wrong) : 0;
  const recall = faces ? found / faces : 0;
  // 2 P R / (P + R) without a division by zero.
  const f1 = found ? (2 * found) / (found + wrong + faces) : 0;
  return { confidence, precision, recall, f1, falsePerImage: images ? wrong / images : 0 };
}
