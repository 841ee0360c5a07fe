import { linkedAbort } from './linked-abort.ts';
import { startTimer, type Timer } from './timer.ts';

/** Options of a deadline. */
export interface DeadlineOptions {
  /** Milliseconds from now; `Infinity` for no limit. */
  ms: number;
  /** Makes the reason of the abort when time is up. */
  onTimeout: () => unknown;
  /** Aborts the deadline's signal too, with its own reason. */
  parent?: AbortSignal | undefined;
}

/**
 * The time that some work may take. `signal` aborts when time is up or `parent` aborts. Dispose it when the work ends: that
 * clears its timer and its listener.
 * @example
 * using deadline = new Deadline({ ms: 20_000, onTimeout: () => timedOut('the image was not fetched'), parent: signal });
 * const response = await deadline.race(request(url, { signal: deadline.signal }));
 */
export class Deadline implements Disposable {
  readonly #ms: number;
  readonly #onTimeout: () => unknown;
  readonly #linked;
  #timer: Timer | undefined;
  #aborted: Promise<never> | undefined;

  /** @throws RangeError when `ms` is not a number */
  constructor({ ms, onTimeout, parent }: DeadlineOptions) {
    if (Number.isNaN(ms)) throw new RangeError('the time of a deadline must be a number of milliseconds, not NaN');
    this.#ms = ms;
    this.#onTimeout = onTimeout;
    this.#linked = linkedAbort(parent);
    if (!this.signal.aborted) this.restart();
  }

  get signal(): AbortSignal {
    return this.#linked.signal;
  }

  /** Starts the whole time again. A deadline on silence restarts whenever something arrives. */
  restart(): void {
    this.#timer?.clear();
    this.#timer = this.#abortAfter(this.#ms, this.#onTimeout);
  }

  /** Stops the clock until `restart`. */
  pause(): void {
    this.#timer?.clear();
  }

  /** Starts a phase with its own, shorter limit on the same signal. Dispose what it returns when the phase ends in time. */
  phase(ms: number, onTimeout: () => unknown): Disposable {
    return this.#abortAfter(ms, onTimeout);
  }

  /** The promise's outcome, or the abort's reason if that comes first: not every library reacts to a signal at once. */
  race<T>(work: Promise<T>): Promise<T> {
    // All races of this deadline share one promise, so everything they reference is freed with the deadline.
    this.#aborted ??= rejectsOnAbort(this.signal);
    return Promise.race([work, this.#aborted]);
  }

  /** The same as `Symbol.dispose`, for browsers that have no `using` yet. */
  dispose(): void {
    this.#timer?.clear();
    this.#linked.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  #abortAfter(ms: number, onTimeout: () => unknown): Timer {
    return startTimer(ms, () => this.#linked.abort(onTimeout()));
  }
}

function rejectsOnAbort(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => {});
  if (signal.aborted) reject(signal.reason);
  else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  return promise;
}
