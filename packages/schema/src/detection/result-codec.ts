/**
 * The compact form in which results are stored in Redis: fixed-point numbers, and points as differences from one to the next, all
 * of them varints (as in Protocol Buffers; signed ones in zigzag). Neighbouring points are close, so most differences take one byte.
 * Measured on four faces: 225 bytes of points a face, against 317 for deflated int16 points. zlib also costs more than its CPU time:
 * each of its streams is an object with a finalizer, which small garbage collections cannot free.
 *
 * Layout: u8 version, u8 flags, u8 length + ASCII model version, number of faces, then for each face:
 * signed x4 box (1e-5 of the frame), confidence (1e-4), and as flagged 106 times signed difference of x, of y, u8 male, u8 age.
 * It is lossless for results made by `roundedFace`. What `detail=true` adds is stored beside it (details-codec.ts), because release
 * 0.1.0 refuses results with more bytes.
 */
import { addDetails, type FaceDetails, roundedDetails } from './details-codec.ts';
import type { DetectionResult, Face } from './result.ts';
import { VarintReader, VarintWriter } from './varints.ts';

export { encodeDetails, type FaceDetails, roundedSearched } from './details-codec.ts';

const VERSION = 2;
const LANDMARKS = 1;
const ATTRIBUTES = 2;
/** 1e-5 of 8192 px is 0.08 px, of 16384 px 0.16 px: finer than the detector, which sees at most 4096 px of a side. */
const BOX_UNIT = 1e5;
const CONFIDENCE_UNIT = 1e4;
const POINTS = 106;

const round = (value: number, unit: number) => Math.round(value * unit) / unit;
const clamp = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value));

/**
 * A face in its public form, rounded to the precision of stored results.
 * @param box pixels of the upright image; may extend beyond it
 * @param points 106 x, y pairs in pixels, if landmarks were requested
 * @param attributes probability of male, 0..1, and age in years, if requested
 * @param details if requested
 */
export function roundedFace(face: {
  box: { x: number; y: number; width: number; height: number };
  confidence: number;
  points?: ArrayLike<number> | undefined;
  attributes?: { male: number; age: number } | undefined;
  details?: FaceDetails | undefined;
  image: { width: number; height: number };
}): Face {
  const { box, image, points, attributes, details } = face;
  return {
    BoundingBox: {
      Width: round(box.width / image.width, BOX_UNIT),
      Height: round(box.height / image.height, BOX_UNIT),
      Left: round(box.x / image.width, BOX_UNIT),
      Top: round(box.y / image.height, BOX_UNIT),
    },
    Confidence: round(face.confidence, CONFIDENCE_UNIT),
    ...(points && {
      landmark_106: Array.from({ length: POINTS }, (_, i) => ({
        x: clamp(Math.round(points[2 * i]!), -32768, 32767),
        y: clamp(Math.round(points[2 * i + 1]!), -32768, 32767),
      })),
    }),
    ...(attributes && {
      gender: attributes.male >= 0.5 ? ('male' as const) : ('female' as const),
      age: clamp(Math.round(attributes.age), 0, 255),
    }),
    ...(details && roundedDetails(details, box, image)),
  };
}

/** Most bytes of a face: 32-bit numbers take at most 5 bytes, differences of int16 numbers 3. */
const MAX_FACE_BYTES = 4 * 5 + 3 + 2 * POINTS * 3 + 2;

/**
 * The compact form of a result. All faces must have the same optional members.
 * @throws RangeError for a box over 20 000 times the frame
 * @example
 * const stored = encodeResult(renderResult(detection));
 * decodeResult(stored).Faces.length;
 */
export function encodeResult(result: DetectionResult): Buffer {
  const faces = result.Faces;
  const flags = (faces[0]?.landmark_106 ? LANDMARKS : 0) | (faces[0]?.gender !== undefined ? ATTRIBUTES : 0);
  const version = Buffer.from(result.FaceModelVersion, 'ascii');
  const out = new VarintWriter(3 + version.length + 5 + faces.length * MAX_FACE_BYTES);
  out.byte(VERSION);
  out.byte(flags);
  out.byte(version.length);
  for (const letter of version) out.byte(letter);
  out.varint(faces.length);
  for (const face of faces) {
    const { Left, Top, Width, Height } = face.BoundingBox;
    for (const side of [Left, Top, Width, Height]) out.signed(Math.round(side * BOX_UNIT));
    out.varint(Math.round(face.Confidence * CONFIDENCE_UNIT));
    if (flags & LANDMARKS) {
      let [x, y] = [0, 0];
      for (const point of face.landmark_106!) {
        out.signed(point.x - x);
        out.signed(point.y - y);
        ({ x, y } = point);
      }
    }
    if (flags & ATTRIBUTES) {
      out.byte(face.gender === 'male' ? 1 : 0);
      out.byte(face.age!);
    }
  }
  return out.written();
}

/**
 * The inverse of `encodeResult`.
 * @param details from `encodeDetails`; those of a version that this release does not know are left out
 * @throws Error for bytes of another version, and for too few or too many bytes
 */
export function decodeResult(bytes: Uint8Array, details?: Uint8Array | null): DetectionResult {
  const input = new VarintReader(bytes);
  const stored = input.byte();
  if (stored !== VERSION) throw new Error(`stored result has version ${stored}, not ${VERSION}`);
  const flags = input.byte();
  const FaceModelVersion = String.fromCharCode(...Array.from({ length: input.byte() }, () => input.byte()));
  const Faces: Face[] = [];
  for (let left = input.varint(); left > 0; left--) {
    const Left = input.signed() / BOX_UNIT;
    const Top = input.signed() / BOX_UNIT;
    const Width = input.signed() / BOX_UNIT;
    const Height = input.signed() / BOX_UNIT;
    const face: Face = {
      BoundingBox: { Width, Height, Left, Top },
      Confidence: input.varint() / CONFIDENCE_UNIT,
    };
    if (flags & LANDMARKS) {
      let [x, y] = [0, 0];
      face.landmark_106 = [];
      for (let point = 0; point < POINTS; point++) {
        x += input.signed();
        y += input.signed();
        face.landmark_106.push({ x, y });
      }
    }
    if (flags & ATTRIBUTES) {
      face.gender = input.byte() ? 'male' : 'female';
      face.age = input.byte();
    }
    Faces.push(face);
  }
  input.end();
  const result = { Faces, FaceModelVersion };
  return details ? addDetails(result, details) : result;
}
