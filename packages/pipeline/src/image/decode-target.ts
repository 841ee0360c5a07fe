import { freeMemory } from '../free-memory.ts';
import type { Allocate, MakeUpright, RgbImage, Size } from './types.ts';

/** Where the pixels of one image are decoded to. */
export class DecodeTarget<Image extends RgbImage> {
  readonly #allocate: Allocate<Image> | undefined;
  readonly #makeUpright: MakeUpright<Image> | undefined;
  #allocated: RgbImage | null = null;

  /** @param allocate where the pixels are wanted; absent: they may lie anywhere */
  constructor(allocate: Allocate<Image> | undefined, makeUpright: MakeUpright<Image> | undefined) {
    this.#allocate = allocate;
    this.#makeUpright = makeUpright;
  }

  /** Memory for an image of a size; the same again when a decoder has given up and the next one asks for the same size. */
  allocate({ width, height }: Size): RgbImage {
    const allocated = this.#allocated;
    if (allocated?.width === width && allocated.height === height) return allocated;
    this.#allocated = this.#allocate?.({ width, height }) ?? {
      data: new Uint8Array(width * height * 3),
      width,
      height,
    };
    return this.#allocated;
  }

  /** Turns an image upright that was decoded into this target. */
  makeUpright(image: RgbImage, orientation: number): RgbImage {
    this.#allocated = this.#makeUpright!(image as Image, orientation);
    return this.#allocated;
  }

  /** The image in this target: itself where it lies here, or a copy. The memory of an image that was copied is freed at once. */
  adopt(image: RgbImage): Image {
    if (this.#allocate && image !== this.#allocated) {
      this.allocate(image).data.set(image.data);
      freeMemory(image.data);
      return this.#allocated as Image;
    }
    return image as Image;
  }
}
