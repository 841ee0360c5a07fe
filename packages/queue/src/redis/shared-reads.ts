/**
 * Sends equal reads that begin in the same turn of the event loop only once: one message wakes all who follow a camera or a job, and they
 * all read. The result is shared, so it must not be changed.
 *
 * A read that begins in a later turn is not shared, even if the first one has no reply yet: a message that arrived in between may report
 * a change that the first one missed.
 */
export class SharedReads<T> {
  readonly #begun = new Map<string, Promise<T>>();

  /** @param key names what is read; reads with the same key return the same promise */
  read(key: string, read: () => Promise<T>): Promise<T> {
    const begun = this.#begun.get(key);
    if (begun) return begun;
    // When a promise callback reads first, all promise callbacks of this turn run before this, and the next message comes after it.
    if (this.#begun.size === 0) process.nextTick(() => this.#begun.clear());
    const reading = read();
    this.#begun.set(key, reading);
    return reading;
  }
}
