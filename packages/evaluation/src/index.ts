/** How good detections are, by published protocols. Pure functions: no model, no service, no file. */
export { type Box, intersection, iou, sizeOf } from './box.ts';
export { type Detected, type Match, type MatchRules, matchFaces, type Outcome, type Truth } from './detection/match.ts';
