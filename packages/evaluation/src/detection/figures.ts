/** The figures of a detector over many images. */
import { sizeOf } from '../box.ts';
import { SIZE_CLASSES, sizeClassOf } from '../size-classes.ts';
import {
  averagePrecision,
  bestOperatingPoint,
  curveOf,
  matchAll,
  mustBeFound,
  type OperatingPoint,
  operatingPointAt,
  recallAt,
  type ScoredImage,
} from './curve.ts';
import type { Match, MatchRules } from './match.ts';

/** False faces an image at which recall is given. */
export const FALSE_PER_IMAGE = [0.1, 0.5, 1] as const;

export interface DetectionFigures {
  images: number;
  /** Faces that count, and those that count neither way (crowds included). */
  faces: number;
  ignored: number;
  /** Average precision, 0..1; null without faces. */
  averagePrecision: number | null;
  /** The same with all faces below a size ignored, as WIDER FACE's sets do. */
  averagePrecisionFrom: { least: number; faces: number; averagePrecision: number | null }[];
  recallAt: { falsePerImage: number; recall: number; confidence: number }[];
  /** At the given confidence. */
  operatingPoint: OperatingPoint;
  /** At the confidence of the best F1; null without detections. */
  best: OperatingPoint | null;
  /** For each size class, how many faces there are and which share is found: at the given confidence, and at each of `FALSE_PER_IMAGE`. */
  bySize: { size: string; faces: number; recall: number | null; recallAt: (number | null)[] }[];
}

/**
 * The figures of a detector, by published definitions.
 * @param confidence from which a detection is reported, 0..1
 */
export function detectionFigures(
  images: readonly ScoredImage[],
  rules: MatchRules,
  confidence: number,
): DetectionFigures {
  const matches = matchAll(images, rules);
  const curve = curveOf(images, matches);
  const recalls = FALSE_PER_IMAGE.map((falsePerImage) => ({ falsePerImage, ...recallAt(curve, falsePerImage) }));
  return {
    images: images.length,
    faces: curve.faces,
    ignored: images.reduce((sum, { truths }) => sum + truths.length, 0) - curve.faces,
    averagePrecision: averagePrecision(curve),
    averagePrecisionFrom: SIZE_CLASSES.slice(1).map(({ from }) => averagePrecisionFrom(images, rules, from)),
    recallAt: recalls,
    operatingPoint: operatingPointAt(curve, confidence),
    best: bestOperatingPoint(curve),
    bySize: bySize(images, matches, [confidence, ...recalls.map((one) => one.confidence)]),
  };
}

function averagePrecisionFrom(images: readonly ScoredImage[], rules: MatchRules, least: number) {
  const larger = images.map(({ detections, truths }) => ({
    detections,
    truths: truths.map((truth) =>
      mustBeFound(truth) && sizeOf(truth.box) < least ? { ...truth, ignored: true } : truth,
    ),
  }));
  const curve = curveOf(larger, matchAll(larger, rules));
  return { least, faces: curve.faces, averagePrecision: averagePrecision(curve) };
}

/** Recall of each size class at several confidences; the first is the one at which detections are reported. */
function bySize(images: readonly ScoredImage[], matches: readonly Match[], confidences: readonly number[]) {
  const faces = images.flatMap(({ detections, truths }, i) =>
    truths.flatMap((truth, k) => {
      if (!mustBeFound(truth)) return [];
      const index = matches[i]!.foundBy[k]!;
      return [{ size: sizeClassOf(sizeOf(truth.box)), foundAt: index === null ? -1 : detections[index]!.confidence }];
    }),
  );
  return SIZE_CLASSES.map((size) => {
    const ofSize = faces.filter((face) => face.size === size);
    const [recall, ...recallAt] = confidences.map((confidence) =>
      ofSize.length ? ofSize.filter(({ foundAt }) => foundAt >= confidence).length / ofSize.length : null,
    );
    return { size: size.name, faces: ofSize.length, recall: recall!, recallAt };
  });
}
