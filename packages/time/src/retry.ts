import { sleep } from './sleep.ts';

/** When and how soon `retry` makes another attempt. `failures` counts failures in a row, from 1. */
export interface RetryOptions {
  /** Whether another attempt may help; false rethrows the error. Limits the attempts too. */
  retryable(error: unknown, failures: number): boolean;
  /** Milliseconds before the next attempt; null rethrows the error, for a requested delay that is too long for the caller. */
  delayMs(failures: number, error: unknown): number | null;
  /** Ends attempts and pauses. */
  signal?: AbortSignal | undefined;
  /** Called before each pause, for logs. */
  onRetry?(error: unknown, failures: number, delayMs: number): void;
}

/**
 * Repeats `attempt` until it succeeds, an error is not retryable, or the signal aborts. For a limit on the whole, pass the signal
 * of a `Deadline`.
 * @returns the result of the attempt that succeeded
 * @throws the error of the last attempt, as it was thrown; the signal's reason
 * @example
 * const backoff = exponentialBackoff({ firstMs: 500, maxMs: 10_000, jitter: 0.5 });
 * await retry(() => post(message), { retryable: (error, failures) => isTransient(error) && failures < 5, delayMs: backoff, signal });
 */
export async function retry<T>(attempt: (signal?: AbortSignal) => Promise<T>, options: RetryOptions): Promise<T> {
  const { retryable, delayMs, signal, onRetry } = options;
  signal?.throwIfAborted();
  for (let failures = 1; ; failures++) {
    try {
      return await attempt(signal);
    } catch (error) {
      // An aborted attempt can fail with any error; the caller gets the signal's reason.
      signal?.throwIfAborted();
      const ms = retryable(error, failures) ? delayMs(failures, error) : null;
      if (ms === null) throw error;
      onRetry?.(error, failures, ms);
      await sleep(ms, signal);
    }
  }
}
