/**
 * Things that come and go all the time, in no order.
 *
 * Not a Set: V8 leaves its outgrown tables linked, each to the one that replaced it, so that once one of them is old, small
 * collections free none of the later ones, nor what they held. With Sets of the answers under way the gateway kept every request it had
 * served until the next full collection, minutes later.
 */
export class UnorderedSet<T> {
  readonly #entries: { value: T; at: number }[] = [];

  /** @returns takes it out again; does nothing the second time */
  add(value: T): () => void {
    const entry = { value, at: this.#entries.length };
    this.#entries.push(entry);
    return () => this.#remove(entry);
  }

  /** What it holds now; what is taken out or put in meanwhile changes nothing of the walk. */
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
