/** Splits a body that arrives in chunks into lines. */

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
  #parts: Buffer[] = [];
  #length = 0;
  #tooLong = false;
  #number = 1;

  /** @param maxBytes of a line */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes of the line whose end has not arrived. */
  get bufferedBytes(): number {
    return this.#length;
  }

  /** @returns the lines that end in this chunk */
  push(chunk: Buffer): Line[] {
    const lines: Line[] = [];
    let from = 0;
    for (let at = chunk.indexOf(LINE_FEED); at >= 0; at = chunk.indexOf(LINE_FEED, from)) {
      this.#append(chunk.subarray(from, at));
      this.#endLine(lines);
      from = at + 1;
    }
    this.#append(chunk.subarray(from));
    return lines;
  }

  /** @returns what follows the last line feed */
  end(): Line[] {
    const lines: Line[] = [];
    this.#endLine(lines);
    return lines;
  }

  #append(part: Buffer): void {
    if (part.length === 0) return;
    this.#parts.push(part);
    this.#length += part.length;
    this.#tooLong ||= this.#length > this.#maxBytes;
    if (this.#tooLong) {
      // A copy, so that the chunks can be freed.
      this.#length = Math.min(this.#length, HEAD_BYTES);
      this.#parts = [Buffer.concat(this.#parts, this.#length)];
    }
  }

  #endLine(lines: Line[]): void {
    const number = this.#number++;
    // A line is in memory twice while it is joined. The copy is not reserved: the process joins one line at a time.
    const text = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts, this.#length);
    if (this.#tooLong) lines.push({ number, head: text });
    else if (!isBlank(text)) lines.push({ number, text });
    this.#parts = [];
    this.#length = 0;
    this.#tooLong = false;
  }
}

function isBlank(text: Buffer): boolean {
  return text.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}
