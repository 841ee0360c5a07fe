import { describe, expect, it } from 'vitest';
import { compareFaces, comparisonFigures, type FoundFace } from './compare.ts';

const face = (x: number, confidence = 0.9, more: Partial<FoundFace> = {}): FoundFace => ({
  box: { x, y: 0, width: 10, height: 10 },
  confidence,
  ...more,
});

describe('compareFaces', () => {
  it('says which faces both find, which vanish and which appear', () => {
    const [kept, lost, moved, fresh] = [face(0), face(100), face(2, 0.7), face(200)];
    expect(compareFaces([kept, lost], [moved, fresh])).toEqual({
      pairs: [{ before: kept, after: moved }],
      vanished: [lost],
      appeared: [fresh],
    });
  });

  it('finds no difference between the same faces', () => {
    const faces = [face(0), face(3), face(50)];
    const { pairs, vanished, appeared } = compareFaces(faces, faces);
    expect(pairs.map(({ before, after }) => [before, after])).toEqual(faces.map((one) => [one, one]));
    expect([vanished, appeared]).toEqual([[], []]);
  });
});

describe('comparisonFigures', () => {
  it('are how far confidences, boxes, points, ages and genders moved', () => {
    const before = face(0, 0.9, { landmarks: [0, 0, 4, 4], attributes: { male: 0.9, age: 30 } });
    // 3 to the right of 10: a share of 0.3. Points by 5 and 1: mean 3.
    const after = face(3, 0.7, { landmarks: [3, 4, 4, 5], attributes: { male: 0.2, age: 26 } });
    const other = compareFaces([face(100, 0.5)], [face(100, 0.6), face(300)]);
    const figures = comparisonFigures([compareFaces([before], [after]), other]);
    expect(figures).toMatchObject({ images: 2, pairs: 2, vanished: 0, appeared: 1, genders: 1 });
    expect(figures.confidence!.mean).toBeCloseTo(-0.05);
    expect(figures.confidence!.largest).toBeCloseTo(0.2);
    expect(figures.boxes).toEqual({ mean: 0.15, largest: 0.3 });
    expect(figures.points!.mean).toBeCloseTo(0.3);
    expect(figures.ages).toEqual({ mean: 4, largest: 4 });
    expect(figures.sizes).toEqual({ mean: 0, largest: 0 });
  });

  it('have no shifts without pairs', () => {
    expect(comparisonFigures([compareFaces([face(0)], [])])).toMatchObject({
      vanished: 1,
      confidence: null,
      boxes: null,
    });
  });
});
