import { DetectionResult } from '@facequeue/schema';
import { decodeResult, encodeDetails, encodeResult } from '@facequeue/schema/result-codec';
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

  it('has on request what is known beyond that, and what was searched', () => {
    const pose = { roll: 1.26, yaw: -20.04, pitch: 3 };
    const detailed = { ...full, pose, light: { sharpness: 312.34, brightness: 99.96 } };
    const searched = { smallest_face_px: 15.03, scales: [0.33333333, 1], turned: 0, faces_left_out: 2 };
    const result = renderResult({ faces: [detailed], image, model, searched });
    expect(result.Faces[0]).toEqual({
      ...renderResult({ faces: [full], image, model }).Faces[0],
      points_5: Array(5).fill({ x: 0, y: 0 }),
      presence: 1,
      male: 0.2,
      pose: { roll: 1.3, yaw: -20, pitch: 3 },
      quality: { size_px: 158.1, sharpness: 312.3, brightness: 100, cut_by_edge: false },
    });
    expect(result.searched).toEqual({ smallest_face_px: 15, scales: [0.3333, 1], turned: 0, faces_left_out: 2 });
    expect(DetectionResult.parse(result)).toEqual(result);
    expect(decodeResult(encodeResult(result), encodeDetails(result))).toEqual(result);
    const [bareFace] = renderResult({
      faces: [{ ...bare, pose, light: detailed.light }],
      image,
      model,
      searched,
    }).Faces;
    expect(Object.keys(bareFace!)).toEqual(['BoundingBox', 'Confidence', 'points_5', 'pose', 'quality']);
  });

  it('has no members for parts that were not requested', () => {
    const [face] = renderResult({ faces: [bare], image, model }).Faces;
    expect(Object.keys(face!)).toEqual(['BoundingBox', 'Confidence']);
  });

  it('is an empty list for a picture without faces', () => {
    expect(renderResult({ faces: [], image, model })).toEqual({ Faces: [], FaceModelVersion: '3.1.4' });
  });
});
