import type { ImageFormat } from '@facequeue/schema';
import { decodeBmp } from './bmp-decoder.ts';
import { isBmp, readBmpHeader } from './bmp-header.ts';
import { decodeJpeg } from './jpeg-decoder.ts';
import { readJpegHeader } from './jpeg-header.ts';
import { readPngHeader } from './png-header.ts';
import { hasText } from './reader.ts';
import { sharpDecoder } from './sharp.ts';
import type { DecodeInput, FileFacts, RgbImage } from './types.ts';
import { readWebpHeader } from './webp-header.ts';

/** Recognizes and reads files of one format. */
export interface Codec {
  /** Whether the bytes begin with the format's signature; false for a file that is too short. */
  matches(bytes: Uint8Array): boolean;
  /**
   * Stored size, orientation and need of memory, without decoding.
   * @throws FacequeueError `image_undecodable`
   */
  readHeader(bytes: Uint8Array): FileFacts;
  /**
   * Pixels; upright and shrunk if the input says so.
   * @throws Error the decoder's own
   */
  decode(input: DecodeInput): Promise<RgbImage>;
  /** Whether it takes less time to decode to a third or less than to the whole size. */
  shrinks?: true;
}

/**
 * The codec of each accepted format, in the order in which signatures are compared: the strongest first.
 *
 * To add a format: a row in packages/schema/src/detection/image-formats.ts, a header reader here beside the others, and a row
 * in this table. `sharpDecoder` decodes whatever libvips has a loader for.
 */
export const CODECS: Record<ImageFormat, Codec> = {
  jpeg: {
    matches: (bytes) => hasText(bytes, 0, '\xff\xd8\xff'),
    readHeader: readJpegHeader,
    decode: decodeJpeg,
    shrinks: true,
  },
  png: {
    matches: (bytes) => hasText(bytes, 0, '\x89PNG\r\n\x1a\n'),
    readHeader: readPngHeader,
    decode: sharpDecoder('VipsForeignLoadPngBuffer'),
  },
  webp: {
    matches: (bytes) => hasText(bytes, 0, 'RIFF') && hasText(bytes, 8, 'WEBP'),
    readHeader: readWebpHeader,
    decode: sharpDecoder('VipsForeignLoadWebpBuffer'),
  },
  bmp: { matches: isBmp, readHeader: readBmpHeader, decode: decodeBmp },
};
