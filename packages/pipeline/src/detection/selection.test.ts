import { array, assert, constantFrom, double, integer, option, property, record } from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Candidate } from './candidate.ts';
import { selectFaces } from './selection.ts';

const face = (score: number, width: number, height = width): Candidate => ({
  x1: 7,
  y1: 3,
  x2: 7 + width,
  y2: 3 + height,
  score,
  points: new Float32Array(10),
  passSize: Math.sqrt(width * height),
  pass: 1,
});
const DEFAULT = 0.6;

/** Few different scores and sizes, so that faces tie with each other and with the limits. */
const candidates = array(
  record({ score: constantFrom(0.1, 0.3, 0.59, 0.6, 0.61, 0.9), width: constantFrom(0.2, 1, 2, 3, 5, 8, 12) }),
  { maxLength: 12 },
).map((all) => all.map(({ score, width }) => face(score, width, 3 * width)).toSorted((a, b) => b.score - a.score));
const limits = record({
  max_faces: option(integer({ min: 1, max: 14 }), { nil: undefined }),
  min_confidence: option(constantFrom(0.1, 0.3, 0.6, 0.9, 1), { nil: undefined }),
  min_face_size: option(integer({ min: 0, max: 60 }), { nil: undefined }),
});
const scales = double({ min: 1, max: 4, noNaN: true });

describe('selected faces', () => {
  it('are the most confident of those that meet every limit, whatever limits are set together', () => {
    assert(
      property(candidates, limits, scales, (all, given, scale) => {
        const { faces: chosen, leftOut } = selectFaces(all, given, DEFAULT, scale);
        const meets = ({ score, x1, x2, y1, y2 }: Candidate) =>
          score >= (given.min_confidence ?? DEFAULT) &&
          (given.min_face_size === undefined || Math.sqrt((x2 - x1) * (y2 - y1)) * scale >= given.min_face_size);
        const fit = all.filter(meets);
        expect(chosen).toHaveLength(Math.min(given.max_faces ?? Number.POSITIVE_INFINITY, fit.length));
        expect(leftOut).toBe(fit.length - chosen.length);
        // The same objects in the same order: the first of those that meet the limits.
        for (const [i, one] of chosen.entries()) expect(one).toBe(fit[i]);
      }),
      { numRuns: 2000 },
    );
  });

  it('are a thousand at most unless the call says otherwise', () => {
    const all = Array.from({ length: 1003 }, () => face(0.9, 40));
    expect(selectFaces(all, {}, DEFAULT, 1)).toEqual({ faces: all.slice(0, 1000), leftOut: 3 });
    expect(selectFaces(all, { max_faces: 1002 }, DEFAULT, 1)).toMatchObject({ leftOut: 1 });
    expect(selectFaces(all, { max_faces: 10_000 }, DEFAULT, 1)).toEqual({ faces: all, leftOut: 0 });
  });

  it('are counted after those that are too small were left out', () => {
    const all = [face(0.99, 20), face(0.98, 20), face(0.9, 80), face(0.8, 90)];
    expect(selectFaces(all, { max_faces: 2, min_face_size: 50 }, DEFAULT, 1).faces).toEqual(all.slice(2));
  });

  it('include one that is just as confident and large as the limits say', () => {
    const all = [face(0.7, 40, 90), face(0.6, 60)];
    expect(selectFaces(all, { min_face_size: 60 }, 0.6, 1).faces).toEqual(all);
    expect(selectFaces(all, { min_face_size: 60.01, min_confidence: 0.1 }, 0.6, 1).faces).toEqual([]);
    expect(selectFaces(all, { min_confidence: 0.601 }, 0.1, 1).faces).toEqual(all.slice(0, 1));
  });

  it('are measured in px of the original, not of the smaller image in which they were found', () => {
    const all = [face(0.9, 30), face(0.8, 29)];
    expect(selectFaces(all, { min_face_size: 60 }, DEFAULT, 2).faces).toEqual(all.slice(0, 1));
  });
});
