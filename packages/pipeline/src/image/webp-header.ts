import { exifOrientation } from './exif.ts';
import { Reader, undecodable } from './reader.ts';
import type { FileFacts } from './types.ts';

const EXIF_FLAG = 0x08;
/** Chunks of an animation's frames count too. */
const MAX_CHUNKS = 65_536;

/** libwebp decodes a lossless picture, and each frame of an animation, to RGBA in one piece. */
const RGBA_BYTES = 4;

/** Reads the first chunk, one of VP8, VP8L and VP8X (RFC 9649), and with VP8X the EXIF chunk. */
export function readWebpHeader(bytes: Uint8Array): FileFacts {
  const reader = new Reader(bytes, 'webp');
  if (reader.has(12, 'VP8X')) return readExtended(reader);
  if (reader.has(12, 'VP8L')) return readLossless(reader);
  if (reader.has(12, 'VP8 ')) return readLossy(reader);
  throw undecodable('webp', 'it does not start with a picture');
}

function readLossy(reader: Reader): FileFacts {
  const frame = 20;
  const isKeyFrame = (reader.u8(frame) & 1) === 0;
  if (!isKeyFrame || reader.u24le(frame + 3) !== 0x2a019d) throw undecodable('webp', 'its frame header is damaged');
  // The two top bits of each are a hint for upscaling.
  return {
    width: reader.u16(frame + 6, true) & 0x3fff,
    height: reader.u16(frame + 8, true) & 0x3fff,
    orientation: 1,
    bufferedBytesPerPixel: 0,
  };
}

function readLossless(reader: Reader): FileFacts {
  if (reader.u8(20) !== 0x2f) throw undecodable('webp', 'its frame header is damaged');
  const bits = reader.u32(21, true);
  return {
    width: (bits & 0x3fff) + 1,
    height: ((bits >>> 14) & 0x3fff) + 1,
    orientation: 1,
    bufferedBytesPerPixel: RGBA_BYTES,
  };
}

function readExtended(reader: Reader): FileFacts {
  const body = 20;
  const flags = reader.u8(body);
  const width = reader.u24le(body + 4) + 1;
  const height = reader.u24le(body + 7) + 1;
  return {
    width,
    height,
    orientation: flags & EXIF_FLAG ? orientation(reader) : 1,
    bufferedBytesPerPixel: RGBA_BYTES,
  };
}

function orientation(reader: Reader): number {
  let at = 12;
  for (let chunk = 0; chunk < MAX_CHUNKS && at + 8 <= reader.length; chunk++) {
    const length = reader.u32(at + 4, true);
    if (reader.has(at, 'EXIF')) return exifOrientation(reader.part(at + 8, length));
    at += 8 + length + (length % 2);
  }
  return 1;
}
