import { DetectionResult } from '@facequeue/schema';
import { decodeResult, encodeResult } from '@facequeue/schema/result-codec';
import { describe, expect, it } from 'vitest';
import type { DetectedFace } from './detection.ts';
import { renderResult } from './render.ts';

const image = { width: 1000, height: 500, format: 'jpeg', bytes: 1, orientation: 1 } as const;
const model = { name: 'pack', version: '3.1.4' };
const bare: DetectedFace = {
  box: { x: -12.5, y: 100, width: 250, height: 100 },
  confidence: 0.87654321,
  points5: new Float32Array(10),
};
const full: DetectedFace = {
  ...bare,
  landmarks: Float32Array.from({ length: 212 }, (_, i) => i + 0.4),
  presence: 1,
  attributes: { male: 0.2, age: 26.6 },
};

describe('result', () => {
  it('has fractions of the image, whole pixels, a gender and a whole age', () => {
    const result = renderResult({ faces: [full], image, model });
    expect(result.FaceModelVersion).toBe('3.1.4');
    expect(result.Faces[0]).toMatchObject({
      BoundingBox: { Left: -0.0125, Top: 0.2, Width: 0.25, Height: 0.2 },
      Confidence: 0.8765,
      gender: 'female',
      age: 27,
    });
    expect(result.Faces[0]!.landmark_106![105]).toEqual({ x: 210, y: 211 });
    expect(DetectionResult.parse(result)).toEqual(result);
    expect(decodeResult(encodeResult(result))).toEqual(result);
  });

  it('has no members for parts that were not requested', () => {
    const [face] = renderResult({ faces: [bare], image, model }).Faces;
    expect(Object.keys(face!)).toEqual(['BoundingBox', 'Confidence']);
  });

  it('is an empty list for a picture without faces', () => {
    expect(renderResult({ faces: [], image, model })).toEqual({ Faces: [], FaceModelVersion: '3.1.4' });
  });
});
