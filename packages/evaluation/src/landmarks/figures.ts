/** How far landmarks are from labelled ones. */
import { type Box, iou, sizeOf } from '../box.ts';
import { SIZE_CLASSES, sizeClassOf } from '../size-classes.ts';
import type { Points, TruthPoints } from '../truth/points.ts';
import { boundingBoxOf, distance, inLayout, normalisers } from './layout.ts';

/** Error above which a face counts as failed, a share; the area under the curve of errors ends there, too. */
export const FAILURE_THRESHOLD = 0.1;

/** Least intersection over union of a detected face and the box of the labelled points, which is smaller than a detector's. */
const LEAST_OVERLAP = 0.3;

/** The error of a labelled face as shares of two distances in it (`normalisers`); null when it was not detected. */
export interface LandmarkError {
  eyes: number | null;
  pupils: number | null;
  /** Size of the box of its labelled points, px. */
  size: number;
  groups: readonly string[];
}

export interface LandmarkFigures {
  faces: number;
  /** Faces that were not detected. They have no error, and count as failed. */
  missed: number;
  /** Normalised mean error, %, by the outer corners of the eyes and by the pupils; null without a detected face. */
  nme: number | null;
  nmePupils: number | null;
  /** Share of faces with an error over 10 %, 0..1, missed ones included. */
  failureRate: number | null;
  /** Area under the cumulative curve of errors up to 10 %, 0..1; a missed face adds nothing. */
  auc: number | null;
}

export interface LandmarkReport extends LandmarkFigures {
  bySize: (LandmarkFigures & { size: string })[];
  byGroup: (LandmarkFigures & { group: string })[];
}

/**
 * Mean distance of points in the same sequence, divided by `normaliser`.
 * @param normaliser px
 * @returns a share, 0 or more
 */
export function normalisedMeanError(points: Points, truth: Points, normaliser: number): number {
  const count = truth.length / 2;
  let sum = 0;
  for (let i = 0; i < count; i++) sum += distance(points, i, truth, i);
  return sum / count / normaliser;
}

/** The detected face that overlaps the labelled one most; null when none overlaps it enough. */
export function detectedFace<T extends { box: Box }>(faces: readonly T[], truth: Points): T | null {
  const place = boundingBoxOf(truth);
  const best = faces.toSorted((a, b) => iou(b.box, place) - iou(a.box, place))[0];
  return best && iou(best.box, place) >= LEAST_OVERLAP ? best : null;
}

/** @param points106 of the detected face; null when it was missed */
export function landmarkError(truth: TruthPoints, points106: ArrayLike<number> | null): LandmarkError {
  const points = points106 && inLayout(points106, truth.layout);
  const by = normalisers(truth);
  return {
    eyes: points && normalisedMeanError(points, truth.points, by.eyes),
    pupils: points && normalisedMeanError(points, truth.points, by.pupils),
    size: sizeOf(boundingBoxOf(truth.points)),
    groups: truth.groups,
  };
}

/** Figures over labelled faces, by the size of the face and by subset too. */
export function landmarkFigures(errors: readonly LandmarkError[]): LandmarkReport {
  const groups = [...new Set(errors.flatMap((error) => error.groups))].sort();
  return {
    ...summary(errors),
    bySize: SIZE_CLASSES.map((size) => ({
      size: size.name,
      ...summary(errors.filter((error) => sizeClassOf(error.size) === size)),
    })),
    byGroup: groups.map((group) => ({ group, ...summary(errors.filter((error) => error.groups.includes(group))) })),
  };
}

function summary(errors: readonly LandmarkError[]): LandmarkFigures {
  const eyes = errors.flatMap((error) => error.eyes ?? []);
  const pupils = errors.flatMap((error) => error.pupils ?? []);
  const missed = errors.length - eyes.length;
  const share = (sum: number) => (errors.length ? sum / errors.length : null);
  return {
    faces: errors.length,
    missed,
    nme: mean(eyes),
    nmePupils: mean(pupils),
    failureRate: share(missed + eyes.filter((error) => error > FAILURE_THRESHOLD).length),
    // The curve is a staircase: a face with an error below 10 % adds the rest of the way to it.
    auc: share(eyes.reduce((sum, error) => sum + Math.max(0, 1 - error / FAILURE_THRESHOLD), 0)),
  };
}

/** In %. */
const mean = (shares: readonly number[]) =>
  shares.length ? (100 * shares.reduce((sum, value) => sum + value, 0)) / shares.length : null;
