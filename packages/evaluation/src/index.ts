/** How good detections are, by published protocols. Pure functions: no model, no service, no file. */
export {
  type AttributeFigures,
  type AttributeReport,
  attributeFigures,
  type EvaluatedPerson,
} from './attributes/figures.ts';
export { type Box, intersection, iou, sizeOf } from './box.ts';
export {
  type Comparison,
  type ComparisonFigures,
  compareFaces,
  comparisonFigures,
  type FoundFace,
  type Shift,
} from './comparison/compare.ts';
export { mustBeFound, type OperatingPoint, type ScoredImage } from './detection/curve.ts';
export { type DetectionFigures, detectionFigures, FALSE_PER_IMAGE } from './detection/figures.ts';
export { type Detected, type Match, type MatchRules, matchFaces, type Outcome, type Truth } from './detection/match.ts';
export {
  detectedFace,
  FAILURE_THRESHOLD,
  type LandmarkError,
  type LandmarkFigures,
  type LandmarkReport,
  landmarkError,
  landmarkFigures,
} from './landmarks/figures.ts';
export { boundingBoxOf } from './landmarks/layout.ts';
export { sample } from './sample.ts';
export { parseCoco } from './truth/coco.ts';
export { TruthError } from './truth/errors.ts';
export type { TruthImage } from './truth/images.ts';
export type { Points, TruthPoints } from './truth/points.ts';
export { parsePoints106 } from './truth/points106.ts';
export { parseUtkFaceName, type TruthPerson } from './truth/utkface.ts';
export { parseWflw } from './truth/wflw.ts';
export { parseWider } from './truth/wider.ts';
