import { settlesInTime } from './timeout.ts';

/** What becomes due by time alone, without a wake-up, is seen within this, ms. */
const POLL_EVERY_MS = 1000;
/**
 * How long `close` waits for a poll in progress, ms: Redis may be away. What that poll would still bring is not started; it is left
 * to its leases.
 */
const LAST_POLL_MS = 1000;

/** What a poll loop takes and how it runs it. */
export interface PollLoopOptions<T> {
  /** Takes what is due, at most `room` items. */
  take(room: number): Promise<T[]>;
  /** Runs one item; must not reject. */
  run(item: T): Promise<void>;
  /** Items that run at a time. */
  concurrency: number;
  /** Called with the first error of `take` in a row; the following ones are not reported until one succeeds. */
  onError(error: unknown): void;
  /** Registers what to call when something may have become due. @returns what unregisters it */
  subscribe?(wake: () => void): () => void;
  /** Longest pause between two polls, ms. */
  everyMs?: number;
}

/**
 * Takes what is due whenever it is woken, an item has ended, or time has passed, and runs it, a bounded number at a time.
 * @example
 * const loop = new PollLoop({
 *   take: (room) => queue.takeDeliveries(room),
 *   run: (delivery) => deliver(delivery),
 *   concurrency: 16,
 *   onError: (error) => log.warn({ err: error }, 'cannot poll webhooks'),
 *   subscribe: (wake) => queue.onDelivery(wake),
 * });
 * await loop.close();
 */
export class PollLoop<T> {
  readonly #options: PollLoopOptions<T>;
  readonly #running = new Set<Promise<void>>();
  readonly #unsubscribe: (() => void) | undefined;
  readonly #polling: Promise<void>;
  #woken = Promise.withResolvers<void>();
  #closing = false;
  #closed = false;

  constructor(options: PollLoopOptions<T>) {
    this.#options = options;
    this.#unsubscribe = options.subscribe?.(this.wake);
    this.#polling = this.#poll();
  }

  /** Polls at once, or again after the poll in progress. */
  readonly wake = (): void => this.#woken.resolve();

  /** Takes no more; resolves when the running items have ended. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#unsubscribe?.();
    this.wake();
    await settlesInTime(this.#polling, LAST_POLL_MS);
    this.#closed = true;
    await Promise.all(this.#running);
  }

  async #poll(): Promise<void> {
    const { take, concurrency, onError, everyMs = POLL_EVERY_MS } = this.#options;
    let failing = false;
    while (!this.#closing) {
      this.#woken = Promise.withResolvers();
      const room = concurrency - this.#running.size;
      try {
        const taken = room > 0 ? await take(room) : [];
        if (!this.#closed) for (const item of taken) this.#start(item);
        failing = false;
      } catch (error) {
        if (!failing) onError(error);
        failing = true;
        // Wake-ups may come in all the time; after a failure those so far do not count, so that failures do not follow at once.
        this.#woken = Promise.withResolvers();
      }
      const timer = setTimeout(this.wake, everyMs);
      await this.#woken.promise;
      clearTimeout(timer);
    }
  }

  #start(item: T): void {
    const run = this.#options.run(item).finally(() => {
      this.#running.delete(run);
      this.wake();
    });
    this.#running.add(run);
  }
}
