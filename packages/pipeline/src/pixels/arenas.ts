import { Arena, type KernelChoice } from './arena.ts';

/**
 * An arena that has grown beyond this is not used again, because its memory cannot shrink: a picture of 4096 x 3072 px and its copies
 * take 54 MB, the largest ones in the middle of a turn 130 MB.
 */
const KEPT_BYTES = 64 << 20;

/** Arenas for the images in progress: one each. */
export class Arenas {
  readonly #choice: KernelChoice | undefined;
  readonly #idle: Arena[] = [];

  /** @param choice of kernels, as of `Arena` */
  constructor(choice?: KernelChoice) {
    this.#choice = choice;
  }

  /** An arena for one image, until it is disposed. */
  take(): { readonly arena: Arena } & Disposable {
    const arena = this.#idle.pop() ?? new Arena(this.#choice);
    return { arena, [Symbol.dispose]: () => this.#giveBack(arena) };
  }

  #giveBack(arena: Arena): void {
    arena.reset();
    if (arena.capacity <= KEPT_BYTES) this.#idle.push(arena);
    // Engines expose it. What lies outside the heap does not hurry V8 to collect it; the caller must have let go of it first.
    else setImmediate(() => globalThis.gc?.());
  }
}
