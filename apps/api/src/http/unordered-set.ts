/**
 * A set for values that come and go all the time.
 *
 * It is not a Set because V8 keeps a Set's outgrown tables linked, each to its replacement. Once one of them is old, minor collections
 * free none of the later ones, nor their contents. With Sets of the open answers, the gateway kept every request it had served until
 * the next full collection, minutes later.
 */
export class UnorderedSet<T> {
  readonly #entries: { value: T; at: number }[] = [];

  /** @returns a function that removes the value; calling it again does nothing */
  add(value: T): () => void {
    const entry = { value, at: this.#entries.length };
    this.#entries.push(entry);
    return () => this.#remove(entry);
  }

  /** Iterates over a copy: additions and removals during the iteration do not change it. */
  *[Symbol.iterator](): Generator<T> {
    for (const { value } of [...this.#entries]) yield value;
  }

  #remove(entry: { value: T; at: number }): void {
    if (entry.at < 0) return;
    const last = this.#entries.pop()!;
    if (last !== entry) {
      this.#entries[entry.at] = last;
      last.at = entry.at;
    }
    entry.at = -1;
  }
}
