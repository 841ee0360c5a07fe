import { FacequeueError, IMAGE_FORMATS, type ImageFormat, imageFormatNames } from '@facequeue/schema';
import { CODECS } from './formats.ts';
import { type ImageLimits, MAX_BUFFERED_BYTES } from './limits.ts';
import { undecodable } from './reader.ts';
import type { ImageHeader } from './types.ts';

/** The format by magic bytes; undefined for anything that is not accepted. */
export function sniff(bytes: Uint8Array): ImageFormat | undefined {
  return (Object.keys(CODECS) as ImageFormat[]).find((format) => CODECS[format].matches(bytes));
}

/**
 * Reads format, stored size and orientation, without decoding and without native code, and checks the size against the limits.
 * Its cost is bounded by the number of header segments, not by the sizes they claim.
 * @throws FacequeueError `unsupported_media_type`, `image_too_large` or `image_undecodable`
 * @example
 * ```ts
 * const { format, width, height } = readHeader(bytes, { maxSide: 8192, maxPixels: 50e6 });
 * ```
 */
export function readHeader(bytes: Uint8Array, limits: ImageLimits): ImageHeader {
  const format = sniff(bytes);
  if (!format) {
    const text = bytes.length === 0 ? 'the image is empty' : `the bytes are none of ${imageFormatNames('and')}`;
    throw new FacequeueError('unsupported_media_type', text, { parameter: 'img' });
  }
  const { width, height, orientation, bufferedBytesPerPixel } = CODECS[format].readHeader(bytes);
  const header = { format, width, height, orientation };
  if (width === 0 || height === 0) throw undecodable(format, `its size is ${width} x ${height}`);
  if (Math.max(width, height) > limits.maxSide) {
    throw tooLarge(header, `the longest side may have ${limits.maxSide} px`);
  }
  if (width * height > limits.maxPixels) throw tooLarge(header, `at most ${limits.maxPixels} pixels are accepted`);
  const mostPixels = Math.floor(MAX_BUFFERED_BYTES / bufferedBytesPerPixel);
  if (width * height > mostPixels) {
    const { name } = IMAGE_FORMATS[format];
    throw tooLarge(header, `at most ${mostPixels} pixels are accepted of a ${name} image that is decoded in one piece`);
  }
  return header;
}

function tooLarge({ width, height }: ImageHeader, allowed: string): FacequeueError {
  return new FacequeueError('image_too_large', `the image has ${width} x ${height} px; ${allowed}`, {
    parameter: 'img',
  });
}
