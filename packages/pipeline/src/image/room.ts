import { release } from '../release.ts';
import type { MakeRoom, MakeUpright, RgbImage, Size } from './types.ts';

/** The room for one decoded image. */
export class Room<Image extends RgbImage> {
  readonly #make: MakeRoom<Image> | undefined;
  readonly #makeUpright: MakeUpright<Image> | undefined;
  #made: RgbImage | null = null;

  /** @param make where the pixels are wanted; absent: they may lie anywhere */
  constructor(make: MakeRoom<Image> | undefined, makeUpright: MakeUpright<Image> | undefined) {
    this.#make = make;
    this.#makeUpright = makeUpright;
  }

  /** Room of a size; the same for the next decoder that asks for as much, when one has given up. */
  make({ width, height }: Size): RgbImage {
    const made = this.#made;
    if (made?.width === width && made.height === height) return made;
    this.#made = this.#make?.({ width, height }) ?? { data: new Uint8Array(width * height * 3), width, height };
    return this.#made;
  }

  /** Turns an image upright that lies in this room. */
  makeUpright(image: RgbImage, orientation: number): RgbImage {
    this.#made = this.#makeUpright!(image as Image, orientation);
    return this.#made;
  }

  /** The image in this room: itself where it lies here, or a copy. The memory of an image that was copied is given back at once. */
  take(image: RgbImage): Image {
    if (this.#make && image !== this.#made) {
      this.make(image).data.set(image.data);
      release(image.data);
      return this.#made as Image;
    }
    return image as Image;
  }
}
