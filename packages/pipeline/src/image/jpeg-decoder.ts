import { readJpegHeader } from './jpeg-header.ts';
import { sharpDecoder } from './sharp.ts';
import type { DecodeInput, RgbImage } from './types.ts';

const decodeWithSharp = sharpDecoder('VipsForeignLoadJpegBuffer');

/** Rows that may be missing, as a part of the height. A lost last packet is 1 to 5 % of a camera's frame. */
const MISSING_ROWS = 1 / 16;
/** libjpeg gives samples that never came the middle of their range. */
const NEVER_CAME = 128;

/**
 * Decodes a JPEG and decides how much damage is too much.
 *
 * Ordinary JPEGs (grey or colour, one sequential scan; all that cameras send) are read whatever is wrong with their data,
 * as viewers do: no end marker, junk after it, flipped bits. Only a picture that ends early is refused, when more than a
 * sixteenth of its rows never came. Those rows are mid-grey. A picture that may be mid-grey at its bottom by itself is
 * decoded a second time, strictly, to tell the two apart; all others once.
 *
 * A progressive JPEG cut short is whole but blurred, and no pixel tells how much is missing; a CMYK one has no known
 * filling. These must be complete; only the end marker itself may be missing.
 * @throws Error sharp's own, or one saying that rows are missing
 */
export async function decodeJpeg(input: DecodeInput): Promise<RgbImage> {
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

/** The file as if it had ended properly; a second end marker harms nothing. */
function withEndMarker(bytes: Uint8Array): Uint8Array {
  const whole = new Uint8Array(bytes.length + 2);
  whole.set(bytes);
  whole.set([0xff, 0xd9], bytes.length);
  return whole;
}

/** The part of the stored rows, from the last one up, that is filling; `image` has been turned upright. */
function missingPart({ data, width, height }: RgbImage, orientation: number): number {
  const onItsSide = orientation >= 5;
  const atTheEnd = orientation === 1 || orientation === 2 || orientation === 5 || orientation === 8;
  const [lines, pixels] = onItsSide ? [width, height] : [height, width];
  const [nextLine, nextPixel] = onItsSide ? [3, width * 3] : [width * 3, 3];
  for (let missing = 0; missing < lines; missing++) {
    let at = (atTheEnd ? lines - 1 - missing : missing) * nextLine;
    for (let pixel = 0; pixel < pixels; pixel++, at += nextPixel) {
      if (data[at] !== NEVER_CAME || data[at + 1] !== NEVER_CAME || data[at + 2] !== NEVER_CAME) return missing / lines;
    }
  }
  return 1;
}
