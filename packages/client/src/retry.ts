import type { FacequeueError } from '@facequeue/schema/errors';
import { isFacequeueError, isRefusedForNow } from '@facequeue/schema/errors';
import { exponentialBackoff, sleep, spread } from '@facequeue/time';

/** Delays when the service asks for none: 0.5 to 1 s, doubling up to between 10 and 20 s. */
const backoff = exponentialBackoff({ firstMs: 1000, maxMs: 20_000, jitter: 0.5 });
/** Random addition to a delay that the service asks for, as a share of it. */
const SPREAD = 0.25;

/** Longest delay that a single call accepts from the service. When it asks for more, the caller gets the error at once. */
const MAX_RETRY_AFTER_MS = 10_000;
/** The same for calls that wait anyway: as long as a gateway may take to restart. */
const MAX_PATIENT_RETRY_AFTER_MS = 60_000;
/** Failures in a row that a waiting call survives: about a minute of back-off, time to replace a gateway. */
const MAX_FAILURES = 10;

/** A failed attempt. */
export interface Failure {
  error: FacequeueError;
  /** False for broken connections and answers of proxies: the service may have begun to work. */
  certain: boolean;
}

/**
 * Whether another attempt is safe and may help. Work is submitted again only after the two answers that mean it was not
 * accepted, `queue_full` and `quota_exceeded`, unless the service recognizes the repeat.
 * @param repeatable whether the call is idempotent: reads, cancels, erases, calls with an idempotency key
 */
export function mayRetry(repeatable: boolean, { error, certain }: Failure): boolean {
  if (certain && isRefusedForNow(error)) return true;
  return repeatable && (error.code === 'unavailable' || error.code === 'quota_exceeded');
}

/**
 * Milliseconds before the next attempt, with jitter.
 * @param failures failures in a row, from 1
 * @param retryAfterMs delay that the service asks for
 * @param random 0 <= random < 1
 * @param maxRetryAfterMs longest delay to accept from the service
 * @returns null when the service asks for a longer one
 */
export function retryDelay(
  failures: number,
  retryAfterMs?: number,
  random: number = Math.random(),
  maxRetryAfterMs = MAX_RETRY_AFTER_MS,
): number | null {
  if (retryAfterMs === undefined) return backoff(failures, random);
  return retryAfterMs > maxRetryAfterMs ? null : spread(retryAfterMs, SPREAD, random);
}

/** As `retryDelay`, for callers that wait as long as the service asks. */
export function patientRetryDelay(failures: number, retryAfterMs?: number): number {
  return retryDelay(failures, retryAfterMs, Math.random(), Number.POSITIVE_INFINITY)!;
}

/** Retries of a call that lasts minutes, across outages of the service. */
export interface RetryPolicy {
  /**
   * Waits before the next attempt.
   * @throws `error` itself when another attempt cannot help or too many in a row have failed; the signal's reason
   */
  failed(error: unknown, signal: AbortSignal | undefined): Promise<void>;
  /** The service has answered: the count of failures starts again. */
  succeeded(): void;
}

export function createRetryPolicy(): RetryPolicy {
  let failures = 0;
  return {
    async failed(error, signal) {
      signal?.throwIfAborted();
      if (!isFacequeueError(error) || !mayRetry(true, { error, certain: true })) throw error;
      failures += 1;
      const ms = retryDelay(failures, error.retryAfterMs, Math.random(), MAX_PATIENT_RETRY_AFTER_MS);
      if (failures > MAX_FAILURES || ms === null) throw error;
      await sleep(ms, signal);
    },
    succeeded() {
      failures = 0;
    },
  };
}
