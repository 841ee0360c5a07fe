import { EventEmitter, once } from 'node:events';

/** Frames between the source and the service, in order; never more than `room`. */
export class Waiting<T> {
  readonly #room: number;
  readonly #whenFull: 'drop' | 'wait';
  readonly #items: T[] = [];
  readonly #changes = new EventEmitter().setMaxListeners(0);
  #closed = false;
  /** How many were dropped. */
  dropped = 0;

  /** @param whenFull whether the oldest makes room for a new one, or the new one waits until there is room */
  constructor(room: number, whenFull: 'drop' | 'wait') {
    this.#room = room;
    this.#whenFull = whenFull;
  }

  /** Resolves when it is in, or `signal` has aborted. */
  async put(item: T, signal: AbortSignal): Promise<void> {
    while (this.#whenFull === 'wait' && this.#items.length >= this.#room && !signal.aborted) await this.#change(signal);
    if (signal.aborted) return;
    if (this.#items.length >= this.#room) {
      this.#items.shift();
      this.dropped += 1;
    }
    this.#items.push(item);
    this.#changes.emit('change');
  }

  /** The oldest, when there is one; null when there will be none any more, or `signal` has aborted. */
  async take(signal: AbortSignal): Promise<T | null> {
    while (!this.#items.length && !this.#closed && !signal.aborted) await this.#change(signal);
    return signal.aborted ? null : this.takeNow();
  }

  /** The oldest, if there is one. */
  takeNow(): T | null {
    const item = this.#items.shift() ?? null;
    this.#changes.emit('change');
    return item;
  }

  /** No more will come. */
  close(): void {
    this.#closed = true;
    this.#changes.emit('change');
  }

  async #change(signal: AbortSignal): Promise<void> {
    await once(this.#changes, 'change', { signal }).catch(() => {});
  }
}
