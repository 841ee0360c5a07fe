import { freeMemory } from '@facequeue/service';

/** The first buffer of a body; most images fit into it or the next. */
const FIRST_BYTES = 1 << 18;
const GROWTH = 4;
const NO_BYTES = Buffer.alloc(0);

/**
 * Joins chunks as they arrive. What is allocated follows what has arrived, not what a client announces, and chunks are not kept: one
 * of a byte keeps the 64 kB alive with which it was read.
 */
export class GrowingBuffer {
  readonly #cap: number;
  #buffer: Buffer;
  #length = 0;

  /**
   * @param cap most bytes there will be
   * @param first bytes to begin with
   */
  constructor(cap: number, first = FIRST_BYTES) {
    this.#cap = cap;
    this.#buffer = Buffer.allocUnsafeSlow(Math.min(cap, first));
  }

  get length(): number {
    return this.#length;
  }

  /** What has been appended, not copied: valid until the next `append` or `free`. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Frees its memory at once. Nothing may use its bytes any more (see `freeMemory` of packages/service). */
  free(): void {
    freeMemory(this.#buffer);
    this.#buffer = NO_BYTES;
    this.#length = 0;
  }

  /** @throws RangeError beyond the cap */
  append(chunk: Uint8Array): void {
    const length = this.#length + chunk.length;
    if (length > this.#buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.min(this.#cap, Math.max(length, this.#buffer.length * GROWTH)));
      this.#buffer.copy(grown, 0, 0, this.#length);
      freeMemory(this.#buffer);
      this.#buffer = grown;
    }
    this.#buffer.set(chunk, this.#length);
    this.#length = length;
  }
}
