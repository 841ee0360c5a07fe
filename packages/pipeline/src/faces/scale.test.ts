import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { DetectedFace } from '../detection.ts';
import { scaleFace } from './scale.ts';

const inFrame = fc.double({ min: -0.5, max: 1.5, noNaN: true });
const side = fc.integer({ min: 1, max: 8192 });
const size = fc.record({ width: side, height: side });

it('a face has the same place in the original as in the decoded image, as parts of the width and height', () => {
  fc.assert(
    fc.property(size, size, fc.array(inFrame, { minLength: 226, maxLength: 226 }), (decoded, original, parts) => {
      const [left, top, width, height] = parts as [number, number, number, number];
      const pointsOf = (values: readonly number[]) =>
        Float32Array.from(values, (part, i) => part * (i % 2 ? decoded.height : decoded.width));
      const face: DetectedFace = {
        box: {
          x: left * decoded.width,
          y: top * decoded.height,
          width: width * decoded.width,
          height: height * decoded.height,
        },
        confidence: 1,
        points5: pointsOf(parts.slice(4, 14)),
        landmarks: pointsOf(parts.slice(14)),
      };
      scaleFace(face, { x: original.width / decoded.width, y: original.height / decoded.height });
      expect(face.box.x / original.width).toBeCloseTo(left, 6);
      expect(face.box.y / original.height).toBeCloseTo(top, 6);
      expect(face.box.width / original.width).toBeCloseTo(width, 6);
      expect(face.box.height / original.height).toBeCloseTo(height, 6);
      for (const [i, value] of [...face.points5, ...face.landmarks!].entries())
        expect(value / (i % 2 ? original.height : original.width)).toBeCloseTo(parts[4 + i]!, 5);
    }),
    { numRuns: 50 },
  );
});

it('a face without landmarks is scaled like one with them', () => {
  const box = { x: 10, y: 20, width: 30, height: 40 };
  const face: DetectedFace = { box, confidence: 1, points5: Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9, 10) };
  scaleFace(face, { x: 2, y: 3 });
  expect(face.box).toEqual({ x: 20, y: 60, width: 60, height: 120 });
  expect([...face.points5]).toEqual([2, 6, 6, 12, 10, 18, 14, 24, 18, 30]);
});
