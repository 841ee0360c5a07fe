import { EventEmitter, once } from 'node:events';

/** A bounded first-in, first-out buffer between the source and the service. */
export class FrameBuffer<T> {
  readonly #capacity: number;
  readonly #whenFull: 'drop' | 'wait';
  readonly #items: T[] = [];
  readonly #changes = new EventEmitter().setMaxListeners(0);
  #closed = false;
  /** Number of items that were dropped because the buffer was full. */
  dropped = 0;

  /** @param whenFull `drop` the oldest item, or let `put` `wait` until there is room */
  constructor(capacity: number, whenFull: 'drop' | 'wait') {
    this.#capacity = capacity;
    this.#whenFull = whenFull;
  }

  /** Resolves when the item is in the buffer, or when `signal` has aborted. */
  async put(item: T, signal: AbortSignal): Promise<void> {
    while (this.#whenFull === 'wait' && this.#items.length >= this.#capacity && !signal.aborted)
      await this.#change(signal);
    if (signal.aborted) return;
    if (this.#items.length >= this.#capacity) {
      this.#items.shift();
      this.dropped += 1;
    }
    this.#items.push(item);
    this.#changes.emit('change');
  }

  /** Removes the oldest item, waiting for one. Null when the buffer is closed and empty, or `signal` has aborted. */
  async get(signal: AbortSignal): Promise<T | null> {
    while (!this.#items.length && !this.#closed && !signal.aborted) await this.#change(signal);
    return signal.aborted ? null : this.getNow();
  }

  /** Removes the oldest item; null when there is none. */
  getNow(): T | null {
    const item = this.#items.shift() ?? null;
    this.#changes.emit('change');
    return item;
  }

  /** Says that no more items will come. */
  close(): void {
    this.#closed = true;
    this.#changes.emit('change');
  }

  async #change(signal: AbortSignal): Promise<void> {
    await once(this.#changes, 'change', { signal }).catch(() => {});
  }
}
