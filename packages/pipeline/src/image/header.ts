import { FacequeueError } from '@facequeue/schema';
import { BMP_HEADER_SIZES, readBmpHeader } from './bmp-header.ts';
import { readJpegHeader } from './jpeg-header.ts';
import type { ImageLimits } from './limits.ts';
import { readPngHeader } from './png-header.ts';
import { Reader, undecodable } from './reader.ts';
import type { ImageFormat, ImageHeader } from './types.ts';
import { readWebpHeader } from './webp-header.ts';

/** The names formats have in public texts. */
export const FORMAT_NAMES: Record<ImageFormat, string> = { jpeg: 'JPEG', png: 'PNG', bmp: 'BMP', webp: 'WebP' };

const READERS: Record<ImageFormat, (bytes: Uint8Array) => ImageHeader> = {
  jpeg: readJpegHeader,
  png: readPngHeader,
  bmp: readBmpHeader,
  webp: readWebpHeader,
};

/** The format by magic bytes; undefined for anything that is not accepted. */
export function sniff(bytes: Uint8Array): ImageFormat | undefined {
  const reader = new Reader(bytes, 'image');
  if (reader.has(0, '\xff\xd8\xff')) return 'jpeg';
  if (reader.has(0, '\x89PNG\r\n\x1a\n')) return 'png';
  if (reader.has(0, 'RIFF') && reader.has(8, 'WEBP')) return 'webp';
  // Two letters are weak evidence, so the size of the header that follows must be a known one.
  if (reader.has(0, 'BM') && reader.length >= 18 && BMP_HEADER_SIZES.includes(reader.u32(14, true))) return 'bmp';
  return undefined;
}

/**
 * Reads format, stored size and orientation, without decoding and without native code, and holds the size to the limits.
 * Its cost is bounded by the number of header segments, not by what they claim.
 * @throws FacequeueError `unsupported_media_type`, `image_too_large` or `image_undecodable`
 */
export function readHeader(bytes: Uint8Array, limits: ImageLimits): ImageHeader {
  const format = sniff(bytes);
  if (!format) {
    const text = bytes.length === 0 ? 'The image is empty.' : 'The bytes are none of JPEG, PNG, BMP and WebP.';
    throw new FacequeueError('unsupported_media_type', text, { parameter: 'img' });
  }
  const { width, height, orientation } = READERS[format](bytes);
  const header = { format, width, height, orientation };
  if (width === 0 || height === 0) throw undecodable(FORMAT_NAMES[format], `its size is ${width} x ${height}`);
  if (Math.max(width, height) > limits.maxSide) {
    throw tooLarge(header, `the longest side may have ${limits.maxSide} px`);
  }
  if (width * height > limits.maxPixels) throw tooLarge(header, `at most ${limits.maxPixels} pixels are accepted`);
  return header;
}

function tooLarge({ width, height }: ImageHeader, allowed: string): FacequeueError {
  return new FacequeueError('image_too_large', `The image has ${width} x ${height} px; ${allowed}.`, {
    parameter: 'img',
  });
}
