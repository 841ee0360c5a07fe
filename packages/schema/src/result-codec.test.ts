import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DetectionResult } from './detection.ts';
import { decodeResult, encodeResult, roundedFace } from './result-codec.ts';

const face = (landmarks: boolean, attributes: boolean) =>
  fc
    .record({
      x: fc.double({ min: -500, max: 4096, noNaN: true }),
      y: fc.double({ min: -500, max: 4096, noNaN: true }),
      width: fc.double({ min: 1, max: 5000, noNaN: true }),
      height: fc.double({ min: 1, max: 5000, noNaN: true }),
      confidence: fc.double({ min: 0, max: 1, noNaN: true }),
      points: fc.array(fc.double({ min: -9000, max: 9000, noNaN: true }), { minLength: 212, maxLength: 212 }),
      male: fc.double({ min: 0, max: 1, noNaN: true }),
      age: fc.double({ min: -5, max: 130, noNaN: true }),
    })
    .map(({ x, y, width, height, confidence, points, male, age }) =>
      roundedFace({
        box: { x, y, width, height },
        confidence,
        points: landmarks ? points : undefined,
        attributes: attributes ? { male, age } : undefined,
        image: { width: 1920, height: 1080 },
      }),
    );

const result = fc.tuple(fc.boolean(), fc.boolean()).chain(([landmarks, attributes]) =>
  fc.record({
    Faces: fc.array(face(landmarks, attributes), { maxLength: 5 }),
    FaceModelVersion: fc.constant('1.0.0'),
  }),
);

describe('the stored form of a result', () => {
  it('gives back exactly what was stored, with and without landmarks and attributes', () => {
    fc.assert(
      fc.property(result, (given: DetectionResult) => {
        // -0 and 0 are the same number in JSON, which is what callers see.
        expect(JSON.stringify(decodeResult(encodeResult(given)))).toBe(JSON.stringify(given));
      }),
    );
  });

  it('takes less than a third of the JSON for a scene of forty faces', () => {
    const [one] = fc.sample(face(true, true), { numRuns: 1, seed: 7 });
    const scene = { Faces: Array.from({ length: 40 }, () => one!), FaceModelVersion: '1.0.0' };
    expect(encodeResult(scene).length).toBeLessThan(JSON.stringify(scene).length / 3);
  });

  it('refuses bytes that are none of its versions', () => {
    expect(() => decodeResult(Buffer.from('not a result'))).toThrow();
  });
});

describe('rounding a face', () => {
  it('clamps points to what the stored form holds and ages to years that exist', () => {
    const rounded = roundedFace({
      box: { x: 0, y: 0, width: 10, height: 10 },
      confidence: 0.912345,
      points: new Float32Array(212).fill(1e6),
      attributes: { male: 0.5, age: -3 },
      image: { width: 100, height: 100 },
    });
    expect(rounded.landmark_106?.[0]).toEqual({ x: 32767, y: 32767 });
    expect(rounded).toMatchObject({ Confidence: 0.9123, gender: 'male', age: 0 });
  });
});
