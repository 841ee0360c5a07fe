import sharp, { type Sharp } from 'sharp';
import type { ImageLimits } from './limits.ts';
import type { RgbImage } from './types.ts';

// One image, one thread: parallelism is the number of engine processes. Nothing is decoded twice, so nothing is cached.
sharp.concurrency(1);
sharp.cache(false);
// libvips reads some thirty formats, from files and networks too; images come from strangers, so only these three remain.
sharp.block({ operation: ['VipsForeignLoad'] });
sharp.unblock({ operation: ['VipsForeignLoadJpegBuffer', 'VipsForeignLoadPngBuffer', 'VipsForeignLoadWebpBuffer'] });

/** Transparent parts turn white: it is what a cut-out portrait is made for and what viewers show behind it. */
const BEHIND_ALPHA = '#ffffff';

export interface SharpOptions {
  limits: ImageLimits;
  /** EXIF orientation 1..8 to undo. */
  orientation: number;
  /** What damage ends the decoding; see the sharp documentation's `failOn`. */
  failOn: 'none' | 'error' | 'warning';
  /** Stored size to shrink to, px. */
  size?: { width: number; height: number } | undefined;
}

/**
 * Decodes JPEG, PNG or WebP bytes (an animation's first frame) to RGB.
 *
 * Embedded colour profiles of RGB and grey images are ignored: applying one costs 1 to 3 times the decoding itself, and a
 * Display P3 portrait read as sRGB only looks a little paler. CMYK has no cheap reading, so it goes through its profile.
 * @throws Error sharp's own
 */
export async function decodeWithSharp(bytes: Uint8Array, options: SharpOptions): Promise<RgbImage> {
  let image = sharp(bytes, {
    limitInputPixels: options.limits.maxPixels,
    failOn: options.failOn,
    ignoreIcc: true,
  });
  // The triangle filter widens with the reduction, so it does not alias, and costs least of those that don't.
  if (options.size) image = image.resize({ ...options.size, fit: 'fill', kernel: 'linear' });
  const { data, info } = await undo(image, options.orientation)
    .flatten({ background: BEHIND_ALPHA })
    .toColourspace('srgb')
    .raw()
    .toBuffer({ resolveWithObject: true });
  if (info.channels !== 3) throw new Error(`decoded to ${info.channels} channels`);
  return { data, width: info.width, height: info.height };
}

/** Turns the picture upright; sharp mirrors first and then turns clockwise. Cheaper by a third than a loop in JavaScript. */
function undo(image: Sharp, orientation: number): Sharp {
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
