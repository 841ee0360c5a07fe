/**
 * The compact form of what `detail=true` adds to a result, stored beside it: fixed-point numbers as varints, like result-codec.ts.
 *
 * Layout: u8 version, u8 flags, what was searched (smallest face in 0.1 px, number of scales, scales in 1e-4, degrees, faces left out),
 * then for each face of the result: 5 times signed difference of x, of y; as flagged presence and male (1e-3); signed roll, yaw,
 * pitch (0.1 degrees); size, sharpness, brightness (0.1); u8 1 where an edge cuts the face.
 */
import type { DetectionResult, Face, Pose, Searched } from './result.ts';
import { VarintReader, VarintWriter } from './varints.ts';

const VERSION = 1;
const PRESENCE = 1;
const MALE = 2;
const TENTHS = 10;
const SHARES = 1000;
const SCALES = 10_000;
const POINTS = 5;
/** A varint has 32 bits: 4.29e9 tenths at most. */
const MOST_TENTHS = 4e8;

/** The share of a box that may reach over an edge before the face counts as cut: the detector places boxes no more exactly. */
const CUT_SHARE = 1 / 20;

/** What is known of a face beyond its public members. */
export interface FaceDetails {
  /** 5 x, y pairs, px. */
  points5: ArrayLike<number>;
  /** 0..1; absent when the landmark model did not run. */
  presence?: number | undefined;
  /** 0..1; absent when the attribute model did not run. */
  male?: number | undefined;
  /** Degrees. */
  pose: Pose;
  sharpness: number;
  brightness: number;
}

const round = (value: number, unit: number) => Math.round(value * unit) / unit;
const coordinate = (value: number) => Math.min(32_767, Math.max(-32_768, Math.round(value)));
const tenths = (value: number) => round(Math.min(MOST_TENTHS, value), TENTHS);

/**
 * The members that details add to a face, rounded to the precision of stored results.
 * @param box px of the image; may extend beyond it
 */
export function roundedDetails(
  { points5, presence, male, pose, sharpness, brightness }: FaceDetails,
  box: { x: number; y: number; width: number; height: number },
  image: { width: number; height: number },
): Partial<Face> {
  const beyondX = Math.max(-box.x, box.x + box.width - image.width) / box.width;
  const beyondY = Math.max(-box.y, box.y + box.height - image.height) / box.height;
  return {
    points_5: Array.from({ length: POINTS }, (_, i) => ({
      x: coordinate(points5[2 * i]!),
      y: coordinate(points5[2 * i + 1]!),
    })),
    ...(presence !== undefined && { presence: round(presence, SHARES) }),
    ...(male !== undefined && { male: round(male, SHARES) }),
    pose: { roll: round(pose.roll, TENTHS), yaw: round(pose.yaw, TENTHS), pitch: round(pose.pitch, TENTHS) },
    quality: {
      size_px: tenths(Math.sqrt(box.width * box.height)),
      sharpness: tenths(sharpness),
      brightness: tenths(brightness),
      cut_by_edge: Math.max(beyondX, beyondY) > CUT_SHARE,
    },
  };
}

/** What was searched, rounded to the precision of stored results. */
export function roundedSearched({ smallest_face_px, scales, turned, faces_left_out }: Searched): Searched {
  return {
    smallest_face_px: tenths(smallest_face_px),
    scales: scales.map((scale) => round(scale, SCALES)),
    turned,
    faces_left_out,
  };
}

/** Most bytes of a face: differences of int16 numbers take 3, other numbers at most 5. */
const MAX_FACE_BYTES = 2 * POINTS * 3 + 2 * 5 + 3 * 5 + 3 * 5 + 1;

/**
 * The details of a result, without the result itself; null when it has none. All faces must have the same optional members.
 * @example
 * decodeResult(encodeResult(result), encodeDetails(result)); // the same as `result`
 */
export function encodeDetails({ Faces, searched }: DetectionResult): Buffer | null {
  if (!searched) return null;
  const flags = (Faces[0]?.presence === undefined ? 0 : PRESENCE) | (Faces[0]?.male === undefined ? 0 : MALE);
  const out = new VarintWriter(2 + (4 + searched.scales.length) * 5 + Faces.length * MAX_FACE_BYTES);
  const fixed = (value: number, unit: number) => out.varint(Math.round(value * unit));
  out.byte(VERSION);
  out.byte(flags);
  fixed(searched.smallest_face_px, TENTHS);
  out.varint(searched.scales.length);
  for (const scale of searched.scales) fixed(scale, SCALES);
  out.varint(searched.turned);
  out.varint(searched.faces_left_out);
  for (const { points_5, presence, male, pose, quality } of Faces) {
    let [x, y] = [0, 0];
    for (const point of points_5!) {
      out.signed(point.x - x);
      out.signed(point.y - y);
      ({ x, y } = point);
    }
    if (flags & PRESENCE) fixed(presence!, SHARES);
    if (flags & MALE) fixed(male!, SHARES);
    for (const angle of [pose!.roll, pose!.yaw, pose!.pitch]) out.signed(Math.round(angle * TENTHS));
    for (const value of [quality!.size_px, quality!.sharpness, quality!.brightness]) fixed(value, TENTHS);
    out.byte(quality!.cut_by_edge ? 1 : 0);
  }
  return out.written();
}

/**
 * A result with its details.
 * @param bytes from `encodeDetails`; of another version, they add nothing
 * @throws Error for too few or too many bytes
 */
export function addDetails({ Faces, ...result }: DetectionResult, bytes: Uint8Array): DetectionResult {
  const input = new VarintReader(bytes);
  if (input.byte() !== VERSION) return { Faces, ...result };
  const flags = input.byte();
  const fixed = (unit: number) => input.varint() / unit;
  const searched = {
    smallest_face_px: fixed(TENTHS),
    scales: Array.from({ length: input.varint() }, () => fixed(SCALES)),
    turned: input.varint(),
    faces_left_out: input.varint(),
  };
  const faces = Faces.map((face): Face => {
    let [x, y] = [0, 0];
    const points_5 = Array.from({ length: POINTS }, () => {
      x += input.signed();
      y += input.signed();
      return { x, y };
    });
    return {
      ...face,
      points_5,
      ...(flags & PRESENCE && { presence: fixed(SHARES) }),
      ...(flags & MALE && { male: fixed(SHARES) }),
      pose: { roll: input.signed() / TENTHS, yaw: input.signed() / TENTHS, pitch: input.signed() / TENTHS },
      quality: {
        size_px: fixed(TENTHS),
        sharpness: fixed(TENTHS),
        brightness: fixed(TENTHS),
        cut_by_edge: input.byte() === 1,
      },
    };
  });
  input.end();
  return { Faces: faces, ...result, searched };
}
