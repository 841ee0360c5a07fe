/**
 * The compact form in which results are stored in Redis: fixed-point numbers and int16 points, deflated.
 * 40 faces take about a quarter of their JSON. It is lossless for results made by `roundedFace`.
 *
 * Layout (little endian): u8 version, u8 flags, u16 faces, u8 length + ASCII model version, then a face:
 * i32 x4 box (1e-5 of the frame), u16 confidence (1e-4), and as flagged i16 x212 points, u8 male, u8 age.
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { DetectionResult, Face } from './detection.ts';

const VERSION = 1;
const LANDMARKS = 1;
const ATTRIBUTES = 2;
/** 1e-5 of 4096 px is 0.04 px: finer than the detector. */
const BOX_UNIT = 1e5;
const CONFIDENCE_UNIT = 1e4;
const POINTS = 106;

const round = (value: number, unit: number) => Math.round(value * unit) / unit;
const clamp = (value: number, low: number, high: number) => Math.min(high, Math.max(low, value));

/**
 * A face in public form, rounded to what results carry.
 * @param box pixels of the upright image, may reach past it
 * @param points 106 x, y pairs in pixels, if landmarks were asked for
 * @param attributes male probability 0..1 and age in years, if asked for
 */
export function roundedFace(face: {
  box: { x: number; y: number; width: number; height: number };
  confidence: number;
  points?: ArrayLike<number> | undefined;
  attributes?: { male: number; age: number } | undefined;
  image: { width: number; height: number };
}): Face {
  const { box, image, points, attributes } = face;
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
  };
}

/** The compact form of a result; every face must have the same optional members. */
export function encodeResult(result: DetectionResult): Buffer {
  const faces = result.Faces;
  const flags = (faces[0]?.landmark_106 ? LANDMARKS : 0) | (faces[0]?.gender !== undefined ? ATTRIBUTES : 0);
  const version = Buffer.from(result.FaceModelVersion, 'ascii');
  const perFace = 18 + (flags & LANDMARKS ? POINTS * 4 : 0) + (flags & ATTRIBUTES ? 2 : 0);
  const raw = Buffer.alloc(5 + version.length + faces.length * perFace);
  let at = raw.writeUInt8(VERSION);
  at = raw.writeUInt8(flags, at);
  at = raw.writeUInt16LE(faces.length, at);
  at = raw.writeUInt8(version.length, at);
  at += version.copy(raw, at);
  for (const face of faces) {
    const box = face.BoundingBox;
    for (const side of [box.Left, box.Top, box.Width, box.Height])
      at = raw.writeInt32LE(Math.round(side * BOX_UNIT), at);
    at = raw.writeUInt16LE(Math.round(face.Confidence * CONFIDENCE_UNIT), at);
    if (flags & LANDMARKS) {
      for (const point of face.landmark_106!) {
        at = raw.writeInt16LE(point.x, at);
        at = raw.writeInt16LE(point.y, at);
      }
    }
    if (flags & ATTRIBUTES) {
      at = raw.writeUInt8(face.gender === 'male' ? 1 : 0, at);
      at = raw.writeUInt8(face.age!, at);
    }
  }
  return deflateRawSync(raw, { level: 1 });
}

/** The inverse of `encodeResult`. Throws on bytes of another version. */
export function decodeResult(bytes: Uint8Array): DetectionResult {
  const raw = inflateRawSync(bytes);
  if (raw.readUInt8(0) !== VERSION) throw new Error(`stored result has version ${raw.readUInt8(0)}, not ${VERSION}`);
  const flags = raw.readUInt8(1);
  const count = raw.readUInt16LE(2);
  const length = raw.readUInt8(4);
  let at = 5 + length;
  const number = (read: 'readInt32LE' | 'readUInt16LE' | 'readInt16LE' | 'readUInt8', size: number) => {
    const value = raw[read](at);
    at += size;
    return value;
  };
  const Faces = Array.from({ length: count }, (): Face => {
    const [Left, Top, Width, Height] = Array.from({ length: 4 }, () => number('readInt32LE', 4) / BOX_UNIT);
    const face: Face = {
      BoundingBox: { Width: Width!, Height: Height!, Left: Left!, Top: Top! },
      Confidence: number('readUInt16LE', 2) / CONFIDENCE_UNIT,
    };
    if (flags & LANDMARKS) {
      face.landmark_106 = Array.from({ length: POINTS }, () => ({
        x: number('readInt16LE', 2),
        y: number('readInt16LE', 2),
      }));
    }
    if (flags & ATTRIBUTES) {
      face.gender = number('readUInt8', 1) ? 'male' : 'female';
      face.age = number('readUInt8', 1);
    }
    return face;
  });
  return { Faces, FaceModelVersion: raw.toString('ascii', 5, 5 + length) };
}
