import { FacequeueError } from '@facequeue/schema';

/** A file that claims a known format but cannot be read. `reason` is public. */
export function undecodable(format: string, reason: string, cause?: unknown): FacequeueError {
  return new FacequeueError('image_undecodable', `The ${format} image cannot be decoded: ${reason}.`, {
    parameter: 'img',
    cause,
  });
}

/** Bounds-checked random access to a file's bytes: a read past the end is `image_undecodable`, never a RangeError. */
export class Reader {
  readonly length: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #format: string;

  constructor(bytes: Uint8Array, format: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#format = format;
    this.length = bytes.length;
  }

  u8(at: number): number {
    return this.#bytes[this.#within(at, 1)]!;
  }

  u16(at: number, littleEndian: boolean): number {
    return this.#view.getUint16(this.#within(at, 2), littleEndian);
  }

  u24le(at: number): number {
    this.#within(at, 3);
    return this.u16(at, true) | (this.u8(at + 2) << 16);
  }

  u32(at: number, littleEndian: boolean): number {
    return this.#view.getUint32(this.#within(at, 4), littleEndian);
  }

  i32le(at: number): number {
    return this.#view.getInt32(this.#within(at, 4), true);
  }

  /** Whether the ASCII text stands at `at`; false past the end. */
  has(at: number, text: string): boolean {
    for (let i = 0; i < text.length; i++) if (this.#bytes[at + i] !== text.charCodeAt(i)) return false;
    return true;
  }

  /** Where a byte next stands. Native, as a hostile file may make it look far. */
  find(byte: number, from: number): number {
    const at = this.#bytes.indexOf(byte, from);
    return at === -1 ? this.length : at;
  }

  /** The bytes of a part, cut short where the file ends. */
  part(at: number, length: number): Uint8Array {
    return this.#bytes.subarray(at, at + length);
  }

  #within(at: number, size: number): number {
    if (at + size > this.length) throw undecodable(this.#format, 'the file ends within its header');
    return at;
  }
}
