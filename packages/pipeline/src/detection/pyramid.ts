import sharp from 'sharp';
import type { RgbImage, Size } from '../image/index.ts';

/** A level is made from another level that is at least this many times larger, else from the image itself. */
const MIN_RATIO = 2;

/** One image at the sizes that the passes use. Each size is made once, small ones from larger ones. */
export class Pyramid {
  readonly #image: RgbImage;
  readonly #planned: readonly Size[];
  readonly #levels = new Map<string, Promise<RgbImage>>();

  /** @param planned sizes that are certainly needed: smaller levels are made from them */
  constructor(image: RgbImage, planned: readonly Size[]) {
    this.#image = image;
    this.#planned = planned;
  }

  /** The image at a size no larger than its own. */
  level(size: Size): Promise<RgbImage> {
    const key = `${size.width}x${size.height}`;
    const made = this.#levels.get(key) ?? this.#make(size);
    this.#levels.set(key, made);
    return made;
  }

  async #make(size: Size): Promise<RgbImage> {
    if (size.width === this.#image.width && size.height === this.#image.height) return this.#image;
    const larger = this.#planned
      .filter((one) => one.width >= MIN_RATIO * size.width && one.height >= MIN_RATIO * size.height)
      .toSorted((a, b) => a.width - b.width)[0];
    return shrink(larger ? await this.level(larger) : this.#image, size);
  }
}

/**
 * Shrinks an image. Every source pixel contributes: the detector misses small faces when sampling skips pixels.
 * libvips' cubic kernel, stretched over the source area, finds the same small faces as an exact area average (mean
 * score of 12-60 px faces within 0.005 at three scales) at a third of the cost of a loop in JavaScript.
 * @param size no side larger than the image's
 */
export async function shrink(image: RgbImage, size: Size): Promise<RgbImage> {
  const { width, height } = size;
  const raw = { width: image.width, height: image.height, channels: 3 } as const;
  const data = await sharp(image.data, { raw })
    .resize(width, height, { fit: 'fill', kernel: 'cubic' })
    .raw()
    .toBuffer();
  return { data, width, height };
}
