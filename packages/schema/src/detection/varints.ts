/** Writes bytes and varints (as in Protocol Buffers; signed ones in zigzag) into one buffer. */
export class VarintWriter {
  readonly #bytes: Buffer;
  #at = 0;

  /** @param maxBytes most bytes that can be written */
  constructor(maxBytes: number) {
    this.#bytes = Buffer.allocUnsafe(maxBytes);
  }

  /**
   * @param value 0 to 255
   * @throws RangeError for other values, and when the buffer is full
   */
  byte(value: number): void {
    this.#at = this.#bytes.writeUInt8(value, this.#at);
  }

  /** @param value 0 to 2^32 - 1 */
  varint(value: number): void {
    let rest = value;
    while (rest > 0x7f) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.byte(rest);
  }

  /** @throws RangeError for values beyond 32 bits */
  signed(value: number): void {
    if (value < -(2 ** 31) || value >= 2 ** 31) throw new RangeError(`${value} is not a number of 32 bits`);
    // Zigzag: 0, -1, 1, -2 … become 0, 1, 2, 3 …
    this.varint(((value << 1) ^ (value >> 31)) >>> 0);
  }

  /** A copy, so that the larger buffer can be freed. */
  written(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#at));
  }
}

/** Reads what a `VarintWriter` wrote. Every method throws an Error that begins "stored result" for other bytes. */
export class VarintReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  byte(): number {
    const value = this.#bytes[this.#at++];
    if (value === undefined) throw new Error(`stored result ends too early, after ${this.#bytes.length} bytes`);
    return value;
  }

  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw new Error('stored result has a number of over 32 bits');
  }

  signed(): number {
    const value = this.varint();
    return (value >>> 1) ^ -(value & 1);
  }

  /** @throws when there are more bytes */
  end(): void {
    if (this.#at < this.#bytes.length)
      throw new Error(`stored result ends after ${this.#at} of ${this.#bytes.length} bytes`);
  }
}
