/** Lines of a body that arrives in pieces. */

const LINE_FEED = 0x0a;

/** A line that is not blank, without its end. `text` may lie in a piece and may be overwritten, or kept. */
export type Line =
  | { number: number; text: Buffer }
  /** One longer than it may be: its beginning. */
  | { number: number; head: Buffer };

/** Bytes kept of a line that is too long. */
const HEAD_BYTES = 8192;

/** Cuts lines out of the pieces of a body. Holds one line at most, and of one that is too long its beginning. */
export class LineSplitter {
  readonly #longest: number;
  #parts: Buffer[] = [];
  #length = 0;
  #tooLong = false;
  #number = 1;

  /** @param longest bytes of a line at most */
  constructor(longest: number) {
    this.#longest = longest;
  }

  /** Bytes kept of the line whose end has not come. */
  get held(): number {
    return this.#length;
  }

  /** The lines that end in this piece. */
  push(piece: Buffer): Line[] {
    const lines: Line[] = [];
    let from = 0;
    for (let at = piece.indexOf(LINE_FEED); at >= 0; at = piece.indexOf(LINE_FEED, from)) {
      this.#take(piece.subarray(from, at));
      this.#cut(lines);
      from = at + 1;
    }
    this.#take(piece.subarray(from));
    return lines;
  }

  /** What stands behind the last line feed. */
  end(): Line[] {
    const lines: Line[] = [];
    this.#cut(lines);
    return lines;
  }

  #take(part: Buffer): void {
    if (part.length === 0) return;
    this.#parts.push(part);
    this.#length += part.length;
    this.#tooLong ||= this.#length > this.#longest;
    if (this.#tooLong) {
      // A copy, which does not keep the pieces it came in.
      this.#length = Math.min(this.#length, HEAD_BYTES);
      this.#parts = [Buffer.concat(this.#parts, this.#length)];
    }
  }

  #cut(lines: Line[]): void {
    const number = this.#number++;
    // Joined it is there twice, which no body memory counts: for this moment only, and one line of the whole process at a time.
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
