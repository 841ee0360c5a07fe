import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TruthPoints } from '../truth/points.ts';
import { detectedFace, landmarkError, landmarkFigures, normalisedMeanError } from './figures.ts';
import { inLayout } from './layout.ts';

/** 106 points on a grid, px. */
const grid = Array.from({ length: 106 }, (_, i) => [(i % 11) * 10, Math.floor(i / 11) * 10]).flat();
const truth = (points: number[], groups: string[] = []): TruthPoints => ({
  file: 'a.jpg',
  points,
  layout: 'insightface-106',
  groups,
});
/** The grid with every point moved to the right. */
const moved = (by: number) => grid.map((value, i) => (i % 2 === 0 ? value + by : value));

describe('the error of landmarks', () => {
  it('is the mean distance by that of two points', () => {
    // Distances 5 (3, 4), 0 and 1: mean 2, by 8.
    expect(normalisedMeanError([3, 4, 10, 10, 20, 21], [0, 0, 10, 10, 20, 20], 8)).toBeCloseTo(2 / 8);
  });

  it('is normalised by the outer corners of the eyes and by the pupils', () => {
    // Points 35 and 93 of the grid: (20, 30) and (50, 80): hypot(30, 50). Points 38 and 92: (50, 30) and (40, 80): hypot(10, 50).
    const { eyes, pupils } = landmarkError(truth(grid), moved(2));
    expect(eyes).toBeCloseTo(2 / Math.hypot(30, 50));
    expect(pupils).toBeCloseTo(2 / Math.hypot(10, 50));
  });

  it('belongs to the detected face that overlaps the labelled one', () => {
    // The grid spans 100 x 90.
    const at = (x: number) => ({ box: { x, y: 0, width: 100, height: 90 } });
    expect(detectedFace([at(300), at(20), at(5)], grid)).toEqual(at(5));
    // Shifted by d: (100 - d) / (100 + d), 0.306 at 53 and 0.299 at 54.
    expect(detectedFace([at(53)], grid)).not.toBeNull();
    expect(detectedFace([at(54)], grid)).toBeNull();
    expect(detectedFace([], grid)).toBeNull();
  });
});

describe('the figures of landmarks', () => {
  const eyes = Math.hypot(30, 50);
  /** A face with a given error. */
  const face = (error: number | null, groups: string[] = []) =>
    landmarkError(truth(grid, groups), error === null ? null : moved(error * eyes));

  it('are mean, failures over 10 %, and the area under the curve of errors', () => {
    // Errors 2 %, 8 %, 30 % and a missed face. Mean of three: 40 / 3 %. Failed: 2 of 4. Area: (0.8 + 0.2 + 0 + 0) / 4.
    const { faces, missed, nme, failureRate, auc } = landmarkFigures([face(0.02), face(0.08), face(0.3), face(null)]);
    expect({ faces, missed, failureRate }).toEqual({ faces: 4, missed: 1, failureRate: 0.5 });
    expect(nme).toBeCloseTo(40 / 3);
    expect(auc).toBeCloseTo(0.25);
  });

  it('are given by size and by subset', () => {
    // sqrt(100 * 90) = 94.9 px.
    const { bySize, byGroup } = landmarkFigures([face(0.02, ['blur']), face(0.04, ['blur', 'pose']), face(0.2)]);
    expect(bySize.map(({ faces }) => faces)).toEqual([0, 0, 0, 3, 0]);
    expect(byGroup.map(({ group, faces }) => [group, faces])).toEqual([
      ['blur', 2],
      ['pose', 1],
    ]);
    expect(byGroup[0]!.nme).toBeCloseTo(3);
  });

  it('are empty without faces', () => {
    expect(landmarkFigures([])).toMatchObject({ faces: 0, nme: null, failureRate: null, auc: null });
  });

  it('are perfect for the labelled points, and the area falls as errors grow', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.001, max: 0.2, noNaN: true }), (error) => {
        expect(landmarkFigures([face(0)])).toMatchObject({ nme: 0, failureRate: 0, auc: 1 });
        const { auc, failureRate } = landmarkFigures([face(error)]);
        expect(auc).toBeLessThan(1);
        expect(auc).toBeGreaterThanOrEqual(0);
        expect(failureRate).toBe(error > 0.1 + 1e-9 ? 1 : error < 0.1 - 1e-9 ? 0 : failureRate);
      }),
    );
  });
});

describe("WFLW's points", () => {
  it('are 98 different ones of the 106, whose pupils and corners are where they are', () => {
    const indexes = Array.from({ length: 106 }, (_, i) => [i, 0]).flat();
    const chosen = inLayout(indexes, 'wflw-98').filter((_, i) => i % 2 === 0);
    expect(chosen).toHaveLength(98);
    expect(new Set(chosen).size).toBe(98);
    // Chin, left eye's left corner, right eye's right corner, corners of the mouth, pupils.
    expect([16, 60, 72, 76, 82, 96, 97].map((i) => chosen[i])).toEqual([0, 35, 93, 52, 61, 38, 92]);
  });
});
