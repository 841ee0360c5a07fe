import type { ImageFormat } from '@facequeue/schema';
import type { ImageLimits } from './limits.ts';

/** RGB, 8 bit, interleaved, row-major: `data.length === width * height * 3`. */
export interface RgbImage {
  data: Uint8Array;
  /** px */
  width: number;
  /** px */
  height: number;
}

/** A size, px. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Allocates memory for an image of a size, px. The pixels are not initialized. */
export type Allocate<Image extends RgbImage = RgbImage> = (size: Size) => Image;

/** Turns an image upright in the memory where it lies. @param orientation EXIF orientation 2..8 in which it is stored */
export type MakeUpright<Image extends RgbImage = RgbImage> = (image: Image, orientation: number) => Image;

/** What the header of a file of a known format says. */
export interface HeaderFacts {
  /** px as stored, before orientation; at least 1 */
  width: number;
  /** px as stored, before orientation; at least 1 */
  height: number;
  /** EXIF orientation 1..8; 1 when absent, out of range or unreadable, as in viewers. */
  orientation: number;
}

/** What a format's header reader finds. */
export interface FileFacts extends HeaderFacts {
  /** Bytes that the decoder buffers for each stored pixel; 0 when it decodes row by row. */
  bufferedBytesPerPixel: number;
}

/** Facts from a file's header, before any pixel is decoded. */
export interface ImageHeader extends HeaderFacts {
  format: ImageFormat;
}

/** Input of a codec's decoder. */
export interface DecodeInput {
  bytes: Uint8Array;
  header: ImageHeader;
  limits: ImageLimits;
  /** EXIF orientation 1..8 to undo; 1 leaves the picture as stored. */
  orientation: number;
  /** Stored size to shrink to, px. */
  size?: Size | undefined;
  /** Allocates memory where the pixels are wanted. A decoder that cannot write there returns an array of its own. */
  allocate: Allocate;
  /** Turns an image in that memory upright, if that is faster than having the decoder do it. */
  makeUpright?: MakeUpright | undefined;
}
