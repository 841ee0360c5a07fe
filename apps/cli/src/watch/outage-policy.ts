import { type FacequeueError, isFacequeueError } from '@facequeue/schema';
import { exponentialBackoff, type RetryOptions, spread } from '@facequeue/time';

/** Delays from 1 s to half a minute, with jitter so that many watchers of one recorder do not reconnect together. */
export const watchBackoff = exponentialBackoff({ firstMs: 1250, maxMs: 37_500, jitter: 0.2 });

/** How `retry` calls a service that may be unreachable for any time. Counts failures in a row across several calls of `retry`. */
export interface OutagePolicy extends RetryOptions {
  /** The service has answered: the count starts again at zero. */
  reset(): void;
}

/**
 * Retries every error that may pass, with growing delays, and no earlier than the service asked for.
 * @param stop ends attempts and pauses
 * @param onFirstFailure called with the first of several failures in a row
 */
export function outagePolicy(stop: AbortSignal, onFirstFailure: (error: FacequeueError) => void): OutagePolicy {
  let failures = 0;
  return {
    signal: stop,
    retryable: (error) => isFacequeueError(error) && error.entry.retryable,
    delayMs: (_, error) =>
      Math.max(watchBackoff(failures + 1), spread((error as FacequeueError).retryAfterMs ?? 0, 0.25)),
    onRetry(error) {
      failures += 1;
      if (failures === 1) onFirstFailure(error as FacequeueError);
    },
    reset() {
      failures = 0;
    },
  };
}
