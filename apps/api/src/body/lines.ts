/** Splits a body that arrives in chunks into lines. */
import { GrowingBuffer } from './growing-buffer.ts';

const LINE_FEED = 0x0a;

/** A line that is not blank, without its line feed. `text` may be a view of a chunk; it may be kept and overwritten. */
export type Line =
  | { number: number; text: Buffer }
  /** A line that is too long: its beginning. */
  | { number: number; head: Buffer };

/** Bytes kept of a line that is too long. */
const HEAD_BYTES = 8192;

/** Buffers at most one line; only the beginning of a line that is too long. */
export class LineSplitter {
  readonly #maxBytes: number;
  /** The line whose end has not arrived; its parts are joined as they arrive, for there may be as many as bytes. */
  #line: GrowingBuffer | null = null;
  /** Its beginning when it is too long. */
  #head: Buffer | null = null;
  #number = 1;

  /** @param maxBytes of a line */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes of the line whose end has not arrived. */
  get bufferedBytes(): number {
    return this.#head?.length ?? this.#line?.length ?? 0;
  }

  /** @returns the lines that end in this chunk */
  push(chunk: Buffer): Line[] {
    const lines: Line[] = [];
    let from = 0;
    for (let at = chunk.indexOf(LINE_FEED); at >= 0; at = chunk.indexOf(LINE_FEED, from)) {
      this.#endLine(chunk.subarray(from, at), lines);
      from = at + 1;
    }
    this.#append(chunk.subarray(from));
    return lines;
  }

  /** @returns what follows the last line feed */
  end(): Line[] {
    const lines: Line[] = [];
    this.#endLine(NOTHING, lines);
    return lines;
  }

  #append(part: Buffer): void {
    if (part.length === 0 || this.#head?.length === HEAD_BYTES) return;
    const length = this.bufferedBytes + part.length;
    if (this.#head || length > this.#maxBytes) {
      // A copy, so that the chunks can be freed.
      const begun = this.#head ?? this.#line?.bytes ?? NOTHING;
      this.#head = Buffer.concat([begun, part], Math.min(length, HEAD_BYTES));
      this.#line = null;
      return;
    }
    this.#line ??= new GrowingBuffer(this.#maxBytes, 2 * part.length);
    this.#line.append(part);
  }

  #endLine(last: Buffer, lines: Line[]): void {
    const number = this.#number++;
    // A line within one chunk is a view of it.
    const whole = !this.#line && !this.#head && last.length <= this.#maxBytes;
    if (!whole) this.#append(last);
    const text = whole ? last : (this.#line?.bytes ?? NOTHING);
    if (this.#head) lines.push({ number, head: this.#head });
    else if (!isBlank(text)) lines.push({ number, text });
    this.#line = null;
    this.#head = null;
  }
}

const NOTHING = Buffer.alloc(0);

function isBlank(text: Buffer): boolean {
  return text.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}
