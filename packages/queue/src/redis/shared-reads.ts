/**
 * Reads that are the same, and begin in the same turn of the event loop, are one. All who follow a camera or a job are woken by one message and
 * read at once; what they get is shared, so it must not be changed.
 *
 * A read that begins in a later turn is not shared, even if the first has no reply yet: a message that arrived in between reports a
 * change that the first may have been too early for.
 */
export class SharedReads<T> {
  readonly #begun = new Map<string, Promise<T>>();

  /** @param key names what is read: two reads with one key return the same */
  read(key: string, read: () => Promise<T>): Promise<T> {
    const begun = this.#begun.get(key);
    if (begun) return begun;
    // Promise callbacks run to their end before these, and messages come after them.
    if (this.#begun.size === 0) process.nextTick(() => this.#begun.clear());
    const reading = read();
    this.#begun.set(key, reading);
    return reading;
  }
}
