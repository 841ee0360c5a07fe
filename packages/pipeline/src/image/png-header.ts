import { exifOrientation } from './exif.ts';
import { Reader, undecodable } from './reader.ts';
import type { FileFacts } from './types.ts';

const SIGNATURE_LENGTH = 8;
/** A 4096 x 4096 picture in 8 kB IDAT chunks, the smallest common size, has some 8000. */
const MAX_CHUNKS = 65_536;
/** Allowed bit depths by colour type (PNG third edition, table 12). */
const DEPTHS: Record<number, readonly number[]> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
};

/** Samples a pixel by colour type, palettes resolved and with transparency where the type may have it. */
const SAMPLES: Record<number, number> = { 0: 2, 2: 4, 3: 4, 4: 2, 6: 4 };

/** Reads IHDR and the eXIf chunk, which may stand before or after the picture (PNG third edition). */
export function readPngHeader(bytes: Uint8Array): FileFacts {
  const reader = new Reader(bytes, 'png');
  const ihdr = SIGNATURE_LENGTH + 8;
  if (reader.u32(SIGNATURE_LENGTH, false) !== 13 || !reader.has(SIGNATURE_LENGTH + 4, 'IHDR'))
    throw undecodable('png', 'it does not start with an IHDR chunk');
  const width = reader.u32(ihdr, false);
  const height = reader.u32(ihdr + 4, false);
  const [depth, colourType] = [reader.u8(ihdr + 8), reader.u8(ihdr + 9)];
  if (!DEPTHS[colourType]?.includes(depth))
    throw undecodable('png', 'its bit depth and colour type do not go together');
  // An interlaced picture is complete only after its last pass.
  const interlaced = reader.u8(ihdr + 12) !== 0;
  const bufferedBytesPerPixel = interlaced ? SAMPLES[colourType]! * (depth === 16 ? 2 : 1) : 0;
  return { width, height, orientation: orientation(reader, ihdr + 17), bufferedBytesPerPixel };
}

function orientation(reader: Reader, from: number): number {
  let at = from;
  for (let chunk = 0; chunk < MAX_CHUNKS && at + 8 <= reader.length; chunk++) {
    const length = reader.u32(at, false);
    if (reader.has(at + 4, 'eXIf')) return exifOrientation(reader.part(at + 8, length));
    if (reader.has(at + 4, 'IEND')) return 1;
    at += length + 12;
  }
  return 1;
}
