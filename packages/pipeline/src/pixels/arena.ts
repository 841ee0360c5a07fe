import type { RgbImage, Size } from '../image/index.ts';
import type { Kernels, Orientation, Rows } from './kernels.ts';
import { plainKernels } from './plain.ts';
import { hasSimd, OVERREAD, simdKernels } from './simd.ts';

/** Addresses are multiples of a cache line. */
const ALIGNMENT = 64;
const PAGE = 65_536;
/** An arena's first size: a picture of two megapixels and its copies. Pages that were never written take no memory. */
const FIRST_BYTES = 16 << 20;
/** An arena's largest size: far more than the largest decoded picture, a turned copy, and its smaller copies. */
const MOST_BYTES = 1 << 30;

const aligned = (bytes: number, to: number) => Math.ceil(bytes / to) * to;

/** Which kernels an arena has: those in WebAssembly, or those in plain TypeScript. */
export type KernelChoice = 'simd' | 'plain';

/**
 * Memory for the pixels of one image in progress, reused for the next one: fresh memory costs a page fault for every 4 kB, and garbage
 * outside the heap makes V8 run a full collection every few images.
 *
 * Allocations follow one another. They are freed all at once (`reset`), or by disposing the scope in which they were made. An allocation
 * may move the memory: an array from `bytes` or `Pixels.data` is valid only until the next allocation, so get it again after one.
 */
export class Arena {
  readonly kernels: Kernels;
  #memory: { readonly buffer: ArrayBufferLike; grow(pages: number): unknown };
  #top = ALIGNMENT;

  /** @param choice of kernels; by default those in WebAssembly, where this processor has SIMD instructions and addresses suffice */
  constructor(choice: KernelChoice = hasSimd ? 'simd' : 'plain') {
    const memory = choice === 'simd' ? wasmMemory() : null;
    this.#memory = memory ?? new PlainMemory();
    this.kernels = memory ? simdKernels({ memory, scratch: (length) => this.#scratch(length) }) : plainKernels;
  }

  /** Bytes that it has taken so far. It never shrinks. */
  get capacity(): number {
    return this.#memory.buffer.byteLength;
  }

  /**
   * The address of so many new bytes. They are not initialized.
   * @throws RangeError when the image needs more than 1 GiB, or the system has no memory left
   */
  allocate(bytes: number): number {
    const address = this.#top;
    this.#reserve(address + bytes + OVERREAD);
    this.#top = aligned(address + bytes + OVERREAD, ALIGNMENT);
    return address;
  }

  /** The array at an address, valid until the next allocation. */
  bytes(address: number, length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#memory.buffer as ArrayBuffer, address, length);
  }

  /**
   * A new image, not initialized.
   * @param stride from a row to the next, bytes; by default rows follow one another without a gap
   * @throws RangeError as `allocate`
   */
  pixels(size: Size, stride = size.width * 3): Pixels {
    return new Pixels(this, this.allocate(stride * size.height), size, stride);
  }

  /** The image in this arena: itself where it lies here, or a copy. @throws RangeError as `allocate` */
  adopt(image: RgbImage): Pixels {
    if (image instanceof Pixels && image.arena === this) return image;
    const pixels = this.pixels(image);
    pixels.data.set(image.data);
    return pixels;
  }

  /** Disposing it frees what has been allocated since. Scopes nest. */
  scope(): Disposable {
    const top = this.#top;
    return {
      [Symbol.dispose]: () => {
        this.#top = top;
      },
    };
  }

  /** Frees everything. */
  reset(): void {
    this.#top = ALIGNMENT;
  }

  #scratch(length: number): number {
    this.#reserve(this.#top + length);
    return this.#top;
  }

  #reserve(bytes: number): void {
    if (bytes <= this.capacity) return;
    if (bytes > MOST_BYTES) throw new RangeError(`an image needs more than ${MOST_BYTES >> 20} MiB for its pixels`);
    // At least half as much again, so that an image grows it only a few times.
    const wanted = Math.min(MOST_BYTES, aligned(Math.max(bytes, this.capacity * 1.5), PAGE));
    this.#memory.grow((wanted - this.capacity) / PAGE);
  }
}

/** An image in an arena. */
export class Pixels implements RgbImage, Rows {
  readonly arena: Arena;
  readonly width: number;
  readonly height: number;
  readonly stride: number;
  readonly #address: number;
  #data: Uint8Array<ArrayBuffer>;

  constructor(arena: Arena, address: number, { width, height }: Size, stride: number) {
    this.arena = arena;
    this.width = width;
    this.height = height;
    this.stride = stride;
    this.#address = address;
    this.#data = this.#view();
  }

  /** From the first pixel to the last, with the gaps between rows; valid until the arena's next allocation. */
  get data(): Uint8Array<ArrayBuffer> {
    // Growing the memory detaches all arrays that were made before.
    if (this.#data.length === 0) this.#data = this.#view();
    return this.#data;
  }

  /** Whether its rows follow one another without a gap, as `RgbImage` demands. */
  get isPacked(): boolean {
    return this.stride === this.width * 3;
  }

  /** A rectangle of this image, not copied. */
  part(left: number, top: number, size: Size): Pixels {
    return new Pixels(this.arena, this.#address + top * this.stride + left * 3, size, this.stride);
  }

  /** A copy turned upright, in the same arena. @param orientation EXIF orientation in which the image is stored */
  turned(orientation: Orientation): Pixels {
    const [width, height] = orientation >= 5 ? [this.height, this.width] : [this.width, this.height];
    const turned = this.arena.pixels({ width, height });
    this.arena.kernels.orient(this, turned, orientation);
    return turned;
  }

  #view(): Uint8Array<ArrayBuffer> {
    return this.arena.bytes(this.#address, (this.height - 1) * this.stride + this.width * 3);
  }
}

/** A WebAssembly memory; null where there are no addresses for it: V8 reserves 8 GB of them for each, to save checks of bounds. */
function wasmMemory(): WebAssembly.Memory | null {
  try {
    return new WebAssembly.Memory({ initial: FIRST_BYTES / PAGE, maximum: MOST_BYTES / PAGE });
  } catch (error) {
    process.emitWarning(`images take longer: ${(error as Error).message}`);
    return null;
  }
}

/** A memory for the plain kernels. It grows like WebAssembly's: arrays that were made before are detached. */
class PlainMemory {
  buffer = new ArrayBuffer(FIRST_BYTES);

  grow(pages: number): void {
    this.buffer = this.buffer.transfer(this.buffer.byteLength + pages * PAGE);
  }
}
