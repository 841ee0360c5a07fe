import type { RgbImage, Size } from '../image/index.ts';
import type { Kernels, Orientation, Rows } from './kernels.ts';
import { plainKernels } from './plain.ts';
import { hasSimd, OVERREAD, simdKernels } from './simd.ts';

/** Addresses are multiples of a cache line. */
const ALIGNMENT = 64;
const PAGE = 65_536;
/** What an arena begins with: a picture of two megapixels, and its copies. Pages that were never written take no memory. */
const FIRST_BYTES = 16 << 20;
/** The largest accepted picture (MAX_IMAGE_PIXELS, with room to be raised), a turned copy, and its smaller copies. */
const MOST_BYTES = 1 << 30;

const aligned = (bytes: number, to: number) => Math.ceil(bytes / to) * to;

export type KernelChoice = 'simd' | 'plain';

/**
 * Memory for the pixels of one image in progress, used again for the next one: fresh memory costs a page fault for every 4 kB, and
 * garbage outside the heap makes V8 collect all of it every few images.
 *
 * What is allocated lies one after the other. It is given up all at once (`reset`), or by the scope in which it was allocated. To
 * allocate may move the memory: an array from `bytes` or `Pixels.data` is valid until the next allocation only, so take it anew.
 */
export class Arena {
  readonly kernels: Kernels;
  #memory: { readonly buffer: ArrayBufferLike; grow(pages: number): unknown };
  #top = ALIGNMENT;

  /** @param choice of kernels; by default the quick ones, where this processor and the limit on addresses admit them */
  constructor(choice: KernelChoice = hasSimd ? 'simd' : 'plain') {
    const memory = choice === 'simd' ? wasmMemory() : null;
    this.#memory = memory ?? new PlainMemory();
    this.kernels = memory ? simdKernels({ memory, scratch: (length) => this.#scratch(length) }) : plainKernels;
  }

  /** How much memory it has taken so far. */
  get capacity(): number {
    return this.#memory.buffer.byteLength;
  }

  /** An address for so many bytes. Their content is what the last image left there. */
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

  /** Room for an image. @param stride from a row to the next, bytes; rows lie side by side by default */
  pixels(size: Size, stride = size.width * 3): Pixels {
    return new Pixels(this, this.allocate(stride * size.height), size, stride);
  }

  /** The image in this arena: itself where it lies here, or a copy. */
  adopt(image: RgbImage): Pixels {
    if (image instanceof Pixels && image.arena === this) return image;
    const pixels = this.pixels(image);
    pixels.data.set(image.data);
    return pixels;
  }

  /** What is allocated from here on is given up when the scope is disposed. */
  scope(): Disposable {
    const top = this.#top;
    return {
      [Symbol.dispose]: () => {
        this.#top = top;
      },
    };
  }

  /** Gives up everything. */
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
    // Half as much again, so that an image grows it a few times only.
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

  /** From the first pixel to the last, valid until the arena's next allocation. */
  get data(): Uint8Array<ArrayBuffer> {
    // A memory that has grown has detached the arrays that were made before.
    if (this.#data.length === 0) this.#data = this.#view();
    return this.#data;
  }

  /** Whether its rows lie side by side, as `RgbImage` says. */
  get isPacked(): boolean {
    return this.stride === this.width * 3;
  }

  /** A rectangle of this image, not copied. */
  part(left: number, top: number, size: Size): Pixels {
    return new Pixels(this.arena, this.#address + top * this.stride + left * 3, size, this.stride);
  }

  /** A copy turned upright. */
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

/** A memory of WebAssembly; null where there are no addresses for it: V8 reserves 8 GB of them for each, to need no checks of bounds. */
function wasmMemory(): WebAssembly.Memory | null {
  try {
    return new WebAssembly.Memory({ initial: FIRST_BYTES / PAGE, maximum: MOST_BYTES / PAGE });
  } catch (error) {
    process.emitWarning(`images take longer: ${(error as Error).message}`);
    return null;
  }
}

/** A memory for the plain kernels that grows like WebAssembly's: arrays made before are detached. */
class PlainMemory {
  buffer = new ArrayBuffer(FIRST_BYTES);

  grow(pages: number): void {
    this.buffer = this.buffer.transfer(this.buffer.byteLength + pages * PAGE);
  }
}
