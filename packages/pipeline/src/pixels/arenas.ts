import { Arena, type KernelChoice } from './arena.ts';

/** A picture with more pixels needs much memory while it is decoded, so nothing else is kept meanwhile. */
export const LARGE_PIXELS = 16e6;

/**
 * An arena that has grown beyond this is not used again, because its memory cannot shrink. A picture of 4096 x 3072 px and its smaller
 * copies take 54 MB, turned by its EXIF orientation 92 MB.
 */
const KEPT_BYTES = 64 << 20;

/** Arenas for the images in progress: one each. */
export class Arenas {
  readonly #choice: KernelChoice | undefined;
  #idle: Arena[] = [];

  /** @param choice of kernels, as of `Arena` */
  constructor(choice?: KernelChoice) {
    this.#choice = choice;
  }

  /** An arena for one image, until it is disposed. @param pixels of the image as stored: a large one leaves none behind */
  take(pixels: number): { readonly arena: Arena } & Disposable {
    const isLarge = pixels > LARGE_PIXELS;
    if (isLarge) this.#idle = [];
    const arena = this.#idle.pop() ?? new Arena(this.#choice);
    return {
      arena,
      [Symbol.dispose]: () => {
        arena.reset();
        if (arena.capacity <= KEPT_BYTES && !isLarge) this.#idle.push(arena);
        // Engines expose it. What lies outside the heap does not hurry V8 to collect it; the caller must have let go of it first.
        else setImmediate(() => globalThis.gc?.());
      },
    };
  }
}
