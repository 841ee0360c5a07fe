import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DetectionResult } from './result.ts';
import { decodeResult, encodeResult, roundedFace } from './result-codec.ts';

const face = (landmarks: boolean, attributes: boolean) =>
  fc
    .record({
      x: fc.double({ min: -1000, max: 8192, noNaN: true }),
      y: fc.double({ min: -1000, max: 8192, noNaN: true }),
      width: fc.double({ min: 1, max: 10_000, noNaN: true }),
      height: fc.double({ min: 1, max: 10_000, noNaN: true }),
      confidence: fc.double({ min: 0, max: 1, noNaN: true }),
      points: fc.array(fc.double({ min: -18_000, max: 18_000, noNaN: true }), { minLength: 212, maxLength: 212 }),
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
  it('decodes to exactly the encoded result, with and without landmarks and attributes', () => {
    fc.assert(
      fc.property(result, (given: DetectionResult) => {
        // Callers see JSON, in which -0 and 0 are the same number.
        expect(JSON.stringify(decodeResult(encodeResult(given)))).toBe(JSON.stringify(given));
      }),
    );
  });

  it('takes less than an eighth of the JSON for a face of 240 px, whose neighbouring points are at most 15 px apart', () => {
    // Points on an ellipse, like a face's outline.
    const at = (i: number) => [
      500 + 120 * Math.cos((i / 106) * 2 * Math.PI),
      400 + 160 * Math.sin((i / 106) * 2 * Math.PI),
    ];
    const one = roundedFace({
      box: { x: 380, y: 240, width: 240, height: 320 },
      confidence: 0.9,
      points: Array.from({ length: 106 }, (_, i) => at(i)).flat(),
      attributes: { male: 0.9, age: 30 },
      image: { width: 1920, height: 1080 },
    });
    const scene = { Faces: [one], FaceModelVersion: '1.0.0' };
    expect(encodeResult(scene).length).toBeLessThan(JSON.stringify(scene).length / 8);
  });

  it('is the same as in release 0.1.0, whose results stay readable', () => {
    const given: DetectionResult = {
      Faces: [
        {
          BoundingBox: { Width: 0.25, Height: 0.5, Left: -0.00001, Top: 0.00064 },
          Confidence: 0.9876,
          gender: 'male',
          age: 200,
        },
        { BoundingBox: { Width: 0, Height: 1, Left: 1.5, Top: 0 }, Confidence: 0, gender: 'female', age: 0 },
      ],
      FaceModelVersion: '1.0',
    };
    // Version 2, flag 2 (attributes), 3 letters, 2 faces; each: left, top, width, height, confidence, male, age.
    const stored = `02 02 03 312e30 02  01 8001 d08603 a08d06 944d 01 c8  e0a712 00 00 c09a0c 00 00 00`;
    expect(encodeResult(given).toString('hex')).toBe(stored.replaceAll(' ', ''));
    expect(decodeResult(Buffer.from(stored.replaceAll(' ', ''), 'hex'))).toEqual(given);
    const points = Array.from({ length: 106 }, (_, i) => ({ x: i % 2 ? -64 : 0, y: i }));
    const { gender: _, age: __, ...face } = given.Faces[1]!;
    const marked = encodeResult({ Faces: [{ ...face, landmark_106: points }], FaceModelVersion: '' });
    expect(marked.subarray(0, 3).toString('hex')).toBe('020100');
    // Differences: 0 0, then -64 1 and 64 1 in turn.
    expect(marked.subarray(-5).toString('hex')).toBe('8001027f02');
    expect(decodeResult(marked).Faces[0]!.landmark_106).toEqual(points);
  });

  it('has room for the largest numbers of every face', () => {
    const far = { x: 32_767, y: -32_768 };
    const given: DetectionResult = {
      Faces: Array.from({ length: 300 }, () => ({
        BoundingBox: { Width: 20_000, Height: -20_000, Left: 20_000, Top: -20_000 },
        Confidence: 1,
        landmark_106: Array.from({ length: 106 }, (_, i) => (i % 2 ? far : { x: far.y, y: far.x })),
        gender: 'male' as const,
        age: 255,
      })),
      FaceModelVersion: 'v'.repeat(255),
    };
    expect(decodeResult(encodeResult(given))).toEqual(given);
  });

  it('refuses bytes of another version', () => {
    expect(() => decodeResult(Buffer.from('not a result'))).toThrow('has version 110, not 2');
  });
});

describe('bytes that are not a stored result', () => {
  it('are refused when truncated anywhere or followed by more bytes', () => {
    fc.assert(
      fc.property(result, fc.nat(), (given, cut) => {
        const stored = encodeResult(given);
        expect(() => decodeResult(stored.subarray(0, cut % stored.length))).toThrow(/ends too early/);
        expect(() => decodeResult(Buffer.concat([stored, Buffer.of(0)]))).toThrow(/ends after/);
      }),
    );
  });

  it('are either refused or decoded to some result, never anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          expect(decodeResult(Buffer.from([2, ...bytes])).Faces).toBeInstanceOf(Array);
        } catch (error) {
          expect((error as Error).message).toMatch(/^stored result /);
        }
      }),
    );
  });
});

describe('rounding a face', () => {
  it('gives each side its own axis, and each point its own place', () => {
    const rounded = roundedFace({
      box: { x: 100, y: 50, width: 200, height: 25 },
      confidence: 0.99996,
      points: Array.from({ length: 212 }, (_, i) => i + 0.5 - (i % 2)),
      attributes: { male: 0.4999, age: 255.4 },
      image: { width: 1000, height: 500 },
    });
    expect(rounded).toMatchObject({
      BoundingBox: { Width: 0.2, Height: 0.05, Left: 0.1, Top: 0.1 },
      Confidence: 1,
      gender: 'female',
      age: 255,
    });
    expect(rounded.landmark_106).toHaveLength(106);
    expect(rounded.landmark_106!.slice(0, 2)).toEqual([
      { x: 1, y: 1 },
      { x: 3, y: 3 },
    ]);
    expect(
      roundedFace({ box: { x: 0, y: 0, width: 1, height: 1 }, confidence: 0.5, image: { width: 3, height: 7 } }),
    ).toEqual({ BoundingBox: { Width: 0.33333, Height: 0.14286, Left: 0, Top: 0 }, Confidence: 0.5 });
  });

  it('clamps points to the range of the stored form, and ages to whole years of at least 0', () => {
    const rounded = roundedFace({
      box: { x: 0, y: 0, width: 10, height: 10 },
      confidence: 0.912345,
      points: new Float32Array(212).fill(1e6),
      attributes: { male: 0.5, age: -3 },
      image: { width: 100, height: 100 },
    });
    expect(rounded.landmark_106?.[0]).toEqual({ x: 32767, y: 32767 });
    const low = { box: { x: 0, y: 0, width: 1, height: 1 }, confidence: 0.5, image: { width: 1, height: 1 } };
    expect(roundedFace({ ...low, points: new Float32Array(212).fill(-1e6) }).landmark_106?.[105]).toEqual({
      x: -32768,
      y: -32768,
    });
    expect(rounded).toMatchObject({ Confidence: 0.9123, gender: 'male', age: 0 });
  });
});
