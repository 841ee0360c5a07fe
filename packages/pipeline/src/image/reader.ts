import { FacequeueError, IMAGE_FORMATS, type ImageFormat } from '@facequeue/schema';

/** The error of a file that has a known signature but cannot be read. `reason` is public. */
export function undecodable(format: ImageFormat, reason: string, cause?: unknown): FacequeueError {
  const { name } = IMAGE_FORMATS[format];
  return new FacequeueError('image_undecodable', `the ${name} image cannot be decoded: ${reason}`, {
    parameter: 'img',
    cause,
  });
}

/** Whether the Latin-1 text stands at `at`; false past the end. */
export function hasText(bytes: Uint8Array, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[at + i] !== text.charCodeAt(i)) return false;
  return true;
}

/** Bounds-checked random access to a file's bytes: a read past the end is `image_undecodable`, never a RangeError. */
export class Reader {
  readonly length: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #format: ImageFormat;

  constructor(bytes: Uint8Array, format: ImageFormat) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#format = format;
    this.length = bytes.length;
  }

  u8(at: number): number {
    return this.#bytes[this.#checked(at, 1)]!;
  }

  u16(at: number, littleEndian: boolean): number {
    return this.#view.getUint16(this.#checked(at, 2), littleEndian);
  }

  u24le(at: number): number {
    this.#checked(at, 3);
    return this.u16(at, true) | (this.u8(at + 2) << 16);
  }

  u32(at: number, littleEndian: boolean): number {
    return this.#view.getUint32(this.#checked(at, 4), littleEndian);
  }

  i32le(at: number): number {
    return this.#view.getInt32(this.#checked(at, 4), true);
  }

  /** Whether the Latin-1 text stands at `at`; false past the end. */
  has(at: number, text: string): boolean {
    return hasText(this.#bytes, at, text);
  }

  /** Offset of the next such byte, or the length of the file. Native code: a hostile file can make the search long. */
  find(byte: number, from: number): number {
    const at = this.#bytes.indexOf(byte, from);
    return at === -1 ? this.length : at;
  }

  /** The bytes of a part, cut short where the file ends. */
  part(at: number, length: number): Uint8Array {
    return this.#bytes.subarray(at, at + length);
  }

  #checked(at: number, size: number): number {
    if (at + size > this.length) throw undecodable(this.#format, 'the file ends within its header');
    return at;
  }
}
