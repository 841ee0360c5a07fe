import fc from 'fast-check';
import type { Outcome } from '../outcome.ts';
import { unsent } from '../outcome.ts';

const NOW = new Date('2026-01-01T00:00:00.000Z');

/** The outcome of an image with this many faces. */
export function found(id: string, faces: number): Outcome {
  const face = (i: number) => ({
    BoundingBox: { Left: 0.25, Top: 0.5, Width: 0.125, Height: 0.0625 },
    Confidence: 0.9,
    ...(i % 2 === 0 && { gender: 'female' as const, age: 30 + i }),
  });
  return {
    id,
    status: 'succeeded',
    finished_at: NOW.toISOString(),
    attempts: 1,
    image: { width: 640, height: 480, format: 'jpeg', bytes: 1234, orientation: 1 },
    result: { Faces: Array.from({ length: faces }, (_, i) => face(i)), FaceModelVersion: '1.0.0' },
    error: null,
    timings: {},
  };
}

export const failed = (id: string, detail: string): Outcome => unsent(id, 'image_undecodable', detail, NOW);

/** Difficult names: any characters, often quotes, commas and ends of lines. */
const names = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 8 }),
  fc.string({ unit: fc.constantFrom('"', ',', '\n', '\r', 'a', ' ', '\\'), minLength: 1, maxLength: 8 }),
);

/** Outcomes of images with different names. */
export const outcomes = fc
  .uniqueArray(fc.tuple(names, fc.option(fc.nat(3)), names), { maxLength: 6, selector: ([id]) => id })
  .map((all) => all.map(([id, faces, detail]) => (faces === null ? failed(id, detail) : found(id, faces))));
