import { settlesInTime } from './timeout.ts';
import { checkInterval, startTimer } from './timer.ts';

/** Longest time, ms, until the loop notices an item that becomes due without a wake-up. */
const POLL_EVERY_MS = 1000;
/**
 * How long `close` waits for a poll in progress, ms: Redis may be unavailable. Items that this poll still returns are not
 * started; their leases expire.
 */
const LAST_POLL_MS = 1000;

/** How a poll loop takes items and runs them. */
export interface PollLoopOptions<T> {
  /** Takes items that are due, at most `room` of them. */
  take(room: number): Promise<T[]>;
  /** Runs one item; must not reject. */
  run(item: T): Promise<void>;
  /** Most items that run at a time. */
  concurrency: number;
  /**
   * Items that have run for `afterMs` do not count towards `concurrency`, at most `atATime` of them: what waits for others leaves its
   * place to what may be quick.
   */
  slow?: { afterMs: number; atATime: number };
  /** Called with the first error of a series of failed polls; further ones are not reported until a poll succeeds. */
  onError(error: unknown): void;
  /** Registers a function to call when something may have become due. @returns a function that unregisters it */
  subscribe?(wake: () => void): () => void;
  /** Longest pause between two polls, ms. */
  everyMs?: number;
}

/**
 * Takes items that are due when it is woken, when an item has ended, and periodically. Runs a bounded number at a time.
 * @example
 * const loop = new PollLoop({
 *   take: (room) => queue.leaseWebhooks(room),
 *   run: (webhook) => deliver(webhook),
 *   concurrency: 16,
 *   onError: (error) => log.warn({ err: error }, 'cannot poll webhooks'),
 *   subscribe: (wake) => queue.onWebhookDue(wake),
 * });
 * await loop.close();
 */
export class PollLoop<T> {
  readonly #options: PollLoopOptions<T>;
  readonly #running = new Set<Promise<void>>();
  #slow = 0;
  readonly #unsubscribe: (() => void) | undefined;
  readonly #polling: Promise<void>;
  #woken = Promise.withResolvers<void>();
  #closing = false;
  #closed = false;

  /** @throws RangeError when `everyMs` is not more than 0 */
  constructor(options: PollLoopOptions<T>) {
    checkInterval(options.everyMs ?? POLL_EVERY_MS);
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
    const { take, concurrency, slow, onError, everyMs = POLL_EVERY_MS } = this.#options;
    let failing = false;
    while (!this.#closing) {
      this.#woken = Promise.withResolvers();
      const room = concurrency - (this.#running.size - Math.min(this.#slow, slow?.atATime ?? 0));
      try {
        const taken = room > 0 ? await take(room) : [];
        if (!this.#closed) for (const item of taken) this.#start(item);
        failing = false;
      } catch (error) {
        if (!failing) onError(error);
        failing = true;
        // Wake-ups may arrive all the time. After a failure, earlier ones do not count, or the next poll would follow at once.
        this.#woken = Promise.withResolvers();
      }
      const timer = startTimer(everyMs, this.wake);
      await this.#woken.promise;
      timer.clear();
    }
  }

  #start(item: T): void {
    let isSlow = false;
    const timer = startTimer(this.#options.slow?.afterMs ?? Number.POSITIVE_INFINITY, () => {
      isSlow = true;
      this.#slow++;
      this.wake();
    });
    const run = this.#options.run(item).finally(() => {
      timer.clear();
      if (isSlow) this.#slow--;
      this.#running.delete(run);
      this.wake();
    });
    this.#running.add(run);
  }
}
