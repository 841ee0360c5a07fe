import sharp, { type Sharp } from 'sharp';
import type { DecodeInput, RgbImage, Size } from './types.ts';

// One image, one thread: parallelism is the number of engine processes. Nothing is decoded twice, so nothing is cached.
sharp.concurrency(1);
sharp.cache(false);
// libvips reads some thirty formats, from files and networks too. Images are not trusted, so every loader is blocked except
// those that `sharpDecoder` admits.
sharp.block({ operation: ['VipsForeignLoad'] });

/** Transparent parts become white, as in viewers; cut-out portraits are made for a white background. */
const BACKGROUND = '#ffffff';

/** The damage that ends decoding; see sharp's documentation of `failOn`. */
type FailOn = 'none' | 'error' | 'warning';

/**
 * Admits one loader of libvips.
 * @param loader the name of its class; one that reads from memory ends in `Buffer`
 * @returns decodes bytes of that format (an animation's first frame) to RGB; throws sharp's own errors
 */
export function sharpDecoder(loader: string): (input: DecodeInput, failOn?: FailOn) => Promise<RgbImage> {
  sharp.unblock({ operation: [loader] });
  return decodeWithSharp;
}

/**
 * Embedded colour profiles of RGB and grey images are ignored: applying one costs 1 to 3 times the decoding itself, and a
 * Display P3 portrait read as sRGB only looks a little paler. CMYK has no cheap reading, so it goes through its profile.
 */
async function decodeWithSharp(input: DecodeInput, failOn: FailOn = 'error'): Promise<RgbImage> {
  let image = sharp(input.bytes, { limitInputPixels: input.limits.maxPixels, failOn, ignoreIcc: true });
  if (input.size) image = shrink(image, input.size);
  return await pixelsOf(makeUpright(image, input.orientation).flatten({ background: BACKGROUND }));
}

/** Shrinks decoded pixels as `decodeWithSharp` does while it decodes. */
export async function shrinkPixels({ data, width, height }: RgbImage, size: Size): Promise<RgbImage> {
  const image = sharp(data, { raw: { width, height, channels: 3 }, limitInputPixels: width * height });
  return await pixelsOf(shrink(image, size));
}

/**
 * The triangle filter widens with the reduction, so it does not alias, and costs least of those that don't. Shrink before anything
 * else, so that little is buffered of an image that is decoded row by row.
 */
function shrink(image: Sharp, size: Size): Sharp {
  return image.resize({ ...size, fit: 'fill', kernel: 'linear' });
}

async function pixelsOf(image: Sharp): Promise<RgbImage> {
  const { data, info } = await image.toColourspace('srgb').raw().toBuffer({ resolveWithObject: true });
  if (info.channels !== 3) throw new Error(`decoded to ${info.channels} channels`);
  return { data, width: info.width, height: info.height };
}

/** Turns the picture upright; sharp mirrors first and then turns clockwise. Cheaper by a third than a loop in JavaScript. */
function makeUpright(image: Sharp, orientation: number): Sharp {
  switch (orientation) {
    case 2:
      return image.flop();
    case 3:
      return image.rotate(180);
    case 4:
      return image.flip();
    case 5:
      return image.flip().rotate(90);
    case 6:
      return image.rotate(90);
    case 7:
      return image.flop().rotate(90);
    case 8:
      return image.rotate(270);
    default:
      return image;
  }
}
