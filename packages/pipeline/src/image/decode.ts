import { DecodeTarget } from './decode-target.ts';
import { CODECS } from './formats.ts';
import { readHeader } from './header.ts';
import { DEFAULT_LIMITS, type ImageLimits } from './limits.ts';
import { undecodable } from './reader.ts';
import type { Allocate, ImageHeader, MakeUpright, RgbImage } from './types.ts';

export interface DecodeOptions<Image extends RgbImage = RgbImage> {
  /** Whether EXIF orientation is applied. */
  orient: boolean;
  /** The limits the header was read under. */
  limits: ImageLimits;
  /** Longest side of the decoded image, px: a larger image is shrunk to it. Absent: no limit. */
  maxSide?: number;
  /** A JPEG's long side may be shrunk further, to this, px, where that is cheaper. */
  minSide?: number;
  /** Allocates memory where the pixels are wanted; by default an array of their own. */
  allocate?: Allocate<Image>;
  /** Turns an image in that memory upright; by default the decoder turns it before it writes it there. */
  makeUpright?: MakeUpright<Image>;
}

/** Smallest reduction that saves time: from here on sharp lets libjpeg decode to a half, quarter or eighth. */
const WORTH_SHRINKING = 3;

/**
 * Decodes an image whose header has been read. Each image is decoded once, with the exceptions that jpeg-decoder.ts describes. Where its
 * format allows it, the image is shrunk row by row while it is decoded.
 * How much damage is tolerated: for JPEG see jpeg-decoder.ts; PNG, WebP and BMP must have all their pixels, PNG not its end chunk.
 * @returns sRGB pixels, upright if requested, in the memory that was allocated for them. The short side of a shrunk image is the scaled one
 *   rounded to a pixel
 * @throws FacequeueError `image_undecodable`
 */
export async function decode<Image extends RgbImage = RgbImage>(
  bytes: Uint8Array,
  header: ImageHeader,
  options: DecodeOptions<Image>,
): Promise<Image> {
  const { format } = header;
  const scale = shrinkage(header, options);
  const size = {
    width: Math.max(1, Math.round(header.width * scale)),
    height: Math.max(1, Math.round(header.height * scale)),
  };
  const orientation = options.orient ? header.orientation : 1;
  const target = new DecodeTarget(options.allocate, options.makeUpright);
  let image: RgbImage;
  try {
    image = await CODECS[format].decode({
      bytes,
      header,
      limits: options.limits,
      orientation,
      size: scale < 1 ? size : undefined,
      allocate: (of) => target.allocate(of),
      makeUpright: options.makeUpright && ((stored, to) => target.makeUpright(stored, to)),
    });
  } catch (error) {
    throw undecodable(format, 'its data is damaged or cut short', error);
  }
  const [width, height] = orientation >= 5 ? [size.height, size.width] : [size.width, size.height];
  if (image.width !== width || image.height !== height)
    throw undecodable(format, 'its header and its data differ in size');
  return target.adopt(image);
}

type Sides = Pick<DecodeOptions, 'minSide' | 'maxSide'>;

function shrinkage({ format, width, height }: ImageHeader, { minSide, maxSide }: Sides): number {
  const side = Math.max(width, height);
  if (CODECS[format].shrinks && minSide !== undefined && side >= minSide * WORTH_SHRINKING) return minSide / side;
  return maxSide === undefined || side <= maxSide ? 1 : maxSide / side;
}

/**
 * Reads the header of an image and decodes it, however large it is within the limits.
 * @param options `orient`: whether EXIF orientation is applied, yes by default; `limits`: those of MAX_IMAGE_SIDE and MAX_IMAGE_PIXELS
 *   by default
 * @throws FacequeueError `unsupported_media_type`, `image_too_large`, `image_undecodable`
 * @example
 * ```ts
 * const { data, width, height } = await decodeImage(await readFile('photo.jpg'));
 * ```
 */
export async function decodeImage(
  bytes: Uint8Array,
  { orient = true, limits = DEFAULT_LIMITS }: { orient?: boolean; limits?: ImageLimits } = {},
): Promise<RgbImage> {
  return decode(bytes, readHeader(bytes, limits), { orient, limits });
}
