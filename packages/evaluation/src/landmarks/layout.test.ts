import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { boundingBoxOf, inLayout, normalisers } from './layout.ts';

/** The 106 points of a frontal face, px of its crop. */
const REFERENCE = new URL('../../../../models/reference/reference.json', import.meta.url);
const face: number[] = JSON.parse(readFileSync(REFERENCE, 'utf8')).model_landmarks.points_in_crop.flat();
const points = inLayout(face, 'wflw-98');
const x = (index: number) => points[2 * index]!;
const y = (index: number) => points[2 * index + 1]!;
const indexes = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
/** Whether values rise from one point to the next, but for a px. */
const rise = (values: readonly number[]) => values.every((value, i) => i === 0 || value > values[i - 1]! - 1);
/** Twice the area inside the points; above 0 when they go round clockwise, seen with y downwards. */
const clockwiseArea = (corners: readonly number[]) =>
  corners.reduce((sum, at, i) => {
    const next = corners[(i + 1) % corners.length]!;
    return sum + x(at) * y(next) - x(next) * y(at);
  }, 0);

describe("a real face in WFLW's layout", () => {
  it('has its jaw from the left ear over the chin to the right ear', () => {
    expect(rise(indexes(0, 32).map(x))).toBe(true);
    expect(rise(indexes(0, 16).map(y))).toBe(true);
    expect(rise(indexes(16, 32).map(y).toReversed())).toBe(true);
  });

  it('has brows whose upper edges go to the right and whose lower edges go back', () => {
    for (const [upper, lower] of [
      [indexes(33, 37), indexes(38, 41)],
      [indexes(42, 46), indexes(47, 50)],
    ] as const) {
      expect(rise(upper.map(x))).toBe(true);
      expect(rise(lower.map(x).toReversed())).toBe(true);
      expect(clockwiseArea([...upper, ...lower])).toBeGreaterThan(0);
    }
  });

  it('has a nose down the bridge, then its lower edge to the right', () => {
    expect(rise(indexes(51, 54).map(y))).toBe(true);
    expect(rise(indexes(55, 59).map(x))).toBe(true);
    for (const at of indexes(55, 59)) expect(y(at)).toBeGreaterThan(y(53));
  });

  it.each([
    ['left eye', 60, 67],
    ['right eye', 68, 75],
    ['outer lips', 76, 87],
    ['inner lips', 88, 95],
  ])('goes round the %s clockwise from its left corner', (_, from, to) => {
    const corners = indexes(from, to);
    const half = (to - from + 1) / 2;
    expect(clockwiseArea(corners)).toBeGreaterThan(0);
    expect(rise(indexes(from, from + half).map(x))).toBe(true);
    expect(rise([...indexes(from + half, to).map(x), x(from)].toReversed())).toBe(true);
  });

  it('has pupils in the eyes, and is normalised by the same distances as in 106 points', () => {
    for (const [pupil, left, right] of [
      [96, 60, 64],
      [97, 68, 72],
    ] as const) {
      expect(x(pupil)).toBeGreaterThan(x(left));
      expect(x(pupil)).toBeLessThan(x(right));
    }
    expect(normalisers({ points, layout: 'wflw-98' })).toEqual(
      normalisers({ points: face, layout: 'insightface-106' }),
    );
  });

  it('is as large as its points', () => {
    expect(boundingBoxOf([3, 9, 1, 4, 6, 5])).toEqual({ x: 1, y: 4, width: 5, height: 5 });
  });
});
