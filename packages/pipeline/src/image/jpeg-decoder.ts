import { MAX_SCANS, readJpegHeader } from './jpeg-header.ts';
import { sharpDecoder } from './sharp.ts';
import { decodeTurbo } from './turbo-jpeg.ts';
import type { DecodeInput, RgbImage } from './types.ts';

const decodeWithSharp = sharpDecoder('VipsForeignLoadJpegBuffer');

/** Rows that may be missing, as a part of the height. A lost last packet is 1 to 5 % of a camera's frame. */
const MISSING_ROWS = 1 / 16;
/** libjpeg sets missing samples to the middle of their range. */
const MISSING_SAMPLE = 128;

/**
 * Decodes a JPEG, and refuses one that is too damaged. libjpeg-turbo decodes undamaged ones of ordinary kinds that are not shrunk, sharp
 * all others; both give the same pixels.
 * @throws Error sharp's own
 */
export async function decodeJpeg(input: DecodeInput): Promise<RgbImage> {
  const { bytes, header, size, orientation, allocate, makeUpright } = input;
  const upright = orientation === 1;
  const stored = !size && (upright || makeUpright) ? decodeTurbo(bytes, header, MAX_SCANS, allocate) : null;
  if (!stored) return await decodeDamaged(input);
  return upright ? stored : makeUpright!(stored, orientation);
}

/**
 * Decodes a JPEG by sharp, and refuses one that is too damaged.
 *
 * Ordinary JPEGs (grey or colour, one sequential scan; all that cameras send) are read despite damaged data, as viewers do:
 * no end marker, junk after it, flipped bits. A picture is refused only when more than a sixteenth of its rows are missing.
 * Missing rows are mid-grey. A picture that is mid-grey at its bottom is decoded a second time, strictly, to tell real grey
 * from missing rows; all others are decoded once.
 *
 * A truncated progressive JPEG is complete but blurred, and its pixels do not show how much is missing; the filling of a
 * CMYK one is not known. Both must be complete; only the end marker may be missing.
 * @throws Error sharp's own
 */
export async function decodeDamaged(input: DecodeInput): Promise<RgbImage> {
  const completed = () => decodeWithSharp({ ...input, bytes: withEndMarker(input.bytes) }, 'warning');
  if (!readJpegHeader(input.bytes).fromTheTop) {
    try {
      return await decodeWithSharp(input, 'error');
    } catch {
      return await completed();
    }
  }
  const image = await decodeWithSharp(input, 'none');
  if (missingPart(image, input.orientation) <= MISSING_ROWS) return image;
  return await completed();
}

/** The file with an end marker; a second one does no harm. */
function withEndMarker(bytes: Uint8Array): Uint8Array {
  const whole = new Uint8Array(bytes.length + 2);
  whole.set(bytes);
  whole.set([0xff, 0xd9], bytes.length);
  return whole;
}

/** The share of the stored rows, counted from the last one up, that is missing; `image` is upright. */
function missingPart({ data, width, height }: RgbImage, orientation: number): number {
  const onItsSide = orientation >= 5;
  const atTheEnd = orientation === 1 || orientation === 2 || orientation === 5 || orientation === 8;
  const [lines, pixels] = onItsSide ? [width, height] : [height, width];
  const [nextLine, nextPixel] = onItsSide ? [3, width * 3] : [width * 3, 3];
  for (let missing = 0; missing < lines; missing++) {
    let at = (atTheEnd ? lines - 1 - missing : missing) * nextLine;
    for (let pixel = 0; pixel < pixels; pixel++, at += nextPixel) {
      if (data[at] !== MISSING_SAMPLE || data[at + 1] !== MISSING_SAMPLE || data[at + 2] !== MISSING_SAMPLE)
        return missing / lines;
    }
  }
  return 1;
}
