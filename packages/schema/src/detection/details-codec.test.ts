import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DetectionResult } from './result.ts';
import { decodeResult, encodeDetails, encodeResult, roundedFace, roundedSearched } from './result-codec.ts';

const number = (min: number, max: number) => fc.double({ min, max, noNaN: true });
const image = { width: 1920, height: 1080 };

const result = fc.tuple(fc.boolean(), fc.boolean()).chain(([landmarks, attributes]) => {
  const face = fc
    .record({
      box: fc.record({ x: number(-500, 2000), y: number(-500, 2000), width: number(1, 3000), height: number(1, 3000) }),
      confidence: number(0, 1),
      points: fc.array(number(-9000, 9000), { minLength: 212, maxLength: 212 }),
      attributes: fc.record({ male: number(0, 1), age: number(0, 120) }),
      points5: fc.array(number(-40_000, 40_000), { minLength: 10, maxLength: 10 }),
      presence: number(0, 1),
      pose: fc.record({ roll: number(-180, 180), yaw: number(-180, 180), pitch: number(-90, 90) }),
      light: fc.record({ sharpness: number(0, 1e9), brightness: number(0, 255) }),
    })
    .map(({ points, attributes: both, points5, presence, pose, light, ...rest }) =>
      roundedFace({
        ...rest,
        image,
        points: landmarks ? points : undefined,
        attributes: attributes ? both : undefined,
        details: {
          ...light,
          points5,
          pose,
          presence: landmarks ? presence : undefined,
          male: attributes ? both.male : undefined,
        },
      }),
    );
  const searched = fc
    .record({
      smallest_face_px: number(0, 20_000),
      scales: fc.array(number(0.001, 4), { maxLength: 6 }),
      turned: fc.constantFrom(0, 90, 180, 270),
      faces_left_out: fc.nat({ max: 100_000 }),
    })
    .map(roundedSearched);
  return fc.record({ Faces: fc.array(face, { maxLength: 5 }), FaceModelVersion: fc.constant('1.0.0'), searched });
});

const plain = ({ Faces, FaceModelVersion }: DetectionResult): DetectionResult => ({
  Faces: Faces.map(({ points_5, presence, male, pose, quality, ...face }) => face),
  FaceModelVersion,
});

describe('the details of a result', () => {
  it('decode, with the result, to exactly what was encoded, and follow the public schema', () => {
    fc.assert(
      fc.property(result, (given: DetectionResult) => {
        const decoded = decodeResult(encodeResult(given), encodeDetails(given));
        // Callers see JSON, in which -0 and 0 are the same number, and members have no order.
        expect(JSON.parse(JSON.stringify(decoded))).toEqual(JSON.parse(JSON.stringify(given)));
        expect(DetectionResult.safeParse(decoded).error).toBeUndefined();
      }),
    );
  });

  it('are not in the result itself, which release 0.1.0 reads', () => {
    fc.assert(
      fc.property(result, (given: DetectionResult) => {
        expect(encodeResult(given).equals(encodeResult(plain(given)))).toBe(true);
        expect(decodeResult(encodeResult(given))).toEqual(decodeResult(encodeResult(plain(given))));
      }),
    );
  });

  it('are none of a result without them', () => {
    expect(encodeDetails({ Faces: [], FaceModelVersion: '1.0.0' })).toBeNull();
  });

  it('take less than 60 bytes a face of 240 px', () => {
    const one = roundedFace({
      box: { x: 380, y: 240, width: 240, height: 320 },
      confidence: 0.9,
      image,
      details: {
        points5: [450, 350, 550, 352, 500, 420, 460, 480, 540, 481],
        presence: 0.99,
        male: 0.8,
        pose: { roll: -12.3, yaw: 25.6, pitch: -7.7 },
        sharpness: 523.4,
        brightness: 131.3,
      },
    });
    const searched = { smallest_face_px: 12.3, scales: [0.25, 0.5, 1], turned: 0, faces_left_out: 0 };
    const bytes = (faces: number) =>
      encodeDetails({ Faces: Array(faces).fill(one), FaceModelVersion: '', searched })!.length;
    expect(bytes(11) - bytes(1)).toBeLessThan(600);
  });

  it('of a later version are left out', () => {
    const given: DetectionResult = {
      Faces: [],
      FaceModelVersion: '1.0.0',
      searched: { smallest_face_px: 1, scales: [], turned: 0, faces_left_out: 0 },
    };
    const later = encodeDetails(given)!;
    later[0] = 2;
    expect(decodeResult(encodeResult(given), later)).toEqual({ Faces: [], FaceModelVersion: '1.0.0' });
  });

  it('are refused when truncated anywhere or followed by more bytes', () => {
    fc.assert(
      fc.property(result, fc.nat(), (given, cut) => {
        const [stored, details] = [encodeResult(given), encodeDetails(given)!];
        expect(() => decodeResult(stored, details.subarray(0, cut % details.length))).toThrow(/ends too early/);
        expect(() => decodeResult(stored, Buffer.concat([details, Buffer.of(0)]))).toThrow(/ends after/);
      }),
    );
  });
});

describe('a face at an edge', () => {
  const cut = (x: number, y: number) =>
    roundedFace({
      box: { x, y, width: 100, height: 100 },
      confidence: 1,
      image,
      details: { points5: new Float32Array(10), pose: { roll: 0, yaw: 0, pitch: 0 }, sharpness: 0, brightness: 0 },
    }).quality!.cut_by_edge;

  it('is cut when more than a twentieth of its box lies beyond the edge', () => {
    expect([cut(0, 0), cut(-4, 500), cut(500, -4), cut(1824, 984)]).toEqual([false, false, false, false]);
    expect([cut(-6, 500), cut(500, -6), cut(1826, 500), cut(500, 986)]).toEqual([true, true, true, true]);
  });
});
