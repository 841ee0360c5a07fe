import type { DetectionResult, Face } from '@facequeue/schema';
import { expect } from 'vitest';

/** A reference face of models/reference/reference.json: pixels of the picture. */
export interface ReferenceFace {
  score: number;
  box_x1y1x2y2: number[];
  landmark_106: number[][];
  male: number;
  age: number;
}

/** The box of a public face in pixels. */
export function pixelBox({ BoundingBox: box }: Face, width: number, height: number) {
  return {
    x1: box.Left * width,
    y1: box.Top * height,
    x2: (box.Left + box.Width) * width,
    y2: (box.Top + box.Height) * height,
  };
}

type Box = ReturnType<typeof pixelBox>;

/** Intersection over union of two boxes, 0..1. */
export function overlap(a: Box, b: Box): number {
  const width = Math.min(a.x2, b.x2) - Math.max(a.x1, b.x1);
  const height = Math.min(a.y2, b.y2) - Math.max(a.y1, b.y1);
  if (width <= 0 || height <= 0) return 0;
  const area = (box: Box) => (box.x2 - box.x1) * (box.y2 - box.y1);
  return (width * height) / (area(a) + area(b) - width * height);
}

/**
 * Compares an answer with one face with the reference, with the tolerances of models/reference/reference.json:
 * box IoU >= 0.9, score 0.05, points' mean distance <= 2 % of sqrt(w*h), age 4 years, gender according to the probability.
 */
export function expectReference(result: DetectionResult, reference: ReferenceFace, width: number, height: number) {
  expect(result.Faces).toHaveLength(1);
  const face = result.Faces[0]!;
  const [x1, y1, x2, y2] = reference.box_x1y1x2y2 as [number, number, number, number];
  expect(overlap(pixelBox(face, width, height), { x1, y1, x2, y2 })).toBeGreaterThanOrEqual(0.9);
  expect(Math.abs(face.Confidence - reference.score)).toBeLessThanOrEqual(0.05);
  const distances = face.landmark_106!.map(({ x, y }, i) => {
    const [rx, ry] = reference.landmark_106[i] as [number, number];
    return Math.hypot(x - rx, y - ry);
  });
  const mean = distances.reduce((sum, distance) => sum + distance, 0) / 106;
  expect(mean).toBeLessThanOrEqual(0.02 * Math.sqrt((x2 - x1) * (y2 - y1)));
  expect(Math.abs(face.age! - reference.age)).toBeLessThanOrEqual(4);
  expect(face.gender).toBe(reference.male >= 0.5 ? 'male' : 'female');
}

/** Requires the 106 points to lie on the face: within its box enlarged by a fifth, spread over most of it. */
export function expectPointsOnFace(face: Face, width: number, height: number) {
  expect(face.landmark_106).toHaveLength(106);
  const box = pixelBox(face, width, height);
  const [w, h] = [box.x2 - box.x1, box.y2 - box.y1];
  const xs = face.landmark_106!.map((point) => point.x);
  const ys = face.landmark_106!.map((point) => point.y);
  expect(Math.min(...xs)).toBeGreaterThan(box.x1 - 0.2 * w);
  expect(Math.max(...xs)).toBeLessThan(box.x2 + 0.2 * w);
  expect(Math.min(...ys)).toBeGreaterThan(box.y1 - 0.2 * h);
  expect(Math.max(...ys)).toBeLessThan(box.y2 + 0.2 * h);
  expect(Math.max(...xs) - Math.min(...xs)).toBeGreaterThan(0.6 * w);
}
