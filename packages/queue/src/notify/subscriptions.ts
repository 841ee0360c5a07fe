import { type Listener, Listeners } from './listeners.ts';

/** Notifies of changes of one job, batch or camera. Disposing it frees it at once. */
export interface Subscription extends Disposable {
  /**
   * Resolves when the subject may have changed since `subscribe` or the last call (also after a reconnect), when `ms` have passed,
   * or when `signal` aborts: read the record then. True unless time was up.
   */
  nextChange(ms: number, signal?: AbortSignal): Promise<boolean>;
}

/** The subscriptions of one process. Their owners read for themselves what has changed. */
export class Subscriptions {
  readonly #listeners = new Listeners();
  readonly #setActive: (active: boolean) => void;

  /** @param setActive called when the first subscription begins and when the last one ends */
  constructor(setActive: (active: boolean) => void) {
    this.#setActive = setActive;
  }

  get empty(): boolean {
    return this.#listeners.empty;
  }

  /** Subscriptions that have not been disposed. */
  get size(): number {
    return this.#listeners.size;
  }

  subscribe(id: string): Subscription {
    if (this.#listeners.empty) this.#setActive(true);
    const listener = this.#listeners.add(id);
    return {
      nextChange: (ms, signal) => this.#nextChange(listener, ms, signal),
      [Symbol.dispose]: () => {
        if (listener.removed) return;
        this.#listeners.remove(listener);
        if (this.#listeners.empty) this.#setActive(false);
      },
    };
  }

  /** The subject may have changed. */
  notify(id: string): void {
    this.#listeners.notify(id);
  }

  /** Changes may have been missed. */
  notifyAll(): void {
    this.#listeners.notifyAll();
  }

  close(): void {
    this.#listeners.close();
  }

  async #nextChange(listener: Listener, ms: number, signal?: AbortSignal): Promise<boolean> {
    await this.#listeners.sleep(listener, performance.now() + ms, signal);
    const woken = listener.notified || listener.removed || this.#listeners.closed || signal?.aborted === true;
    listener.notified = false;
    return woken;
  }
}
