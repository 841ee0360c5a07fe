import { Arena, type KernelChoice } from './arena.ts';

/** A picture with more stored pixels needs much memory while it is decoded, so no idle arena is kept meanwhile. */
export const LARGE_PIXELS = 16e6;

/**
 * An arena that has grown beyond this is not reused, because its memory cannot shrink. A picture of 4096 x 3072 px and its smaller
 * copies take 54 MB, turned by its EXIF orientation 92 MB.
 */
const KEPT_BYTES = 64 << 20;

/** The arenas of a pipeline: one for each image in progress. */
export class Arenas {
  readonly #choice: KernelChoice | undefined;
  #idle: Arena[] = [];

  /** @param choice of kernels, as of `Arena` */
  constructor(choice?: KernelChoice) {
    this.#choice = choice;
  }

  /**
   * An arena for one image, until the result is disposed.
   * @param pixels of the image as stored: the arena of a large one is not kept
   */
  take(pixels: number): { readonly arena: Arena } & Disposable {
    const isLarge = pixels > LARGE_PIXELS;
    if (isLarge) this.#idle = [];
    const arena = this.#idle.pop() ?? new Arena(this.#choice);
    return {
      arena,
      [Symbol.dispose]: () => {
        arena.reset();
        if (arena.capacity <= KEPT_BYTES && !isLarge) this.#idle.push(arena);
        // Memory outside the heap does not prompt V8 to collect it, so this does, where `gc` is exposed, as in engines. Later, because the
        // caller still has the arena.
        else setImmediate(() => globalThis.gc?.());
      },
    };
  }
}
