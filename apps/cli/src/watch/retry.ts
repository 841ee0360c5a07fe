import { setTimeout as sleep } from 'node:timers/promises';
import { type FacequeueError, isFacequeueError } from '@facequeue/schema';
import { backOffMs } from './back-off.ts';

/** Counts failures in a row of calls to the service, and waits between attempts for as long as the outage lasts. */
export interface Retries {
  /**
   * Waits before the next attempt: the back-off, or what the service asked for if that is longer.
   * @returns false when `stop` has aborted
   * @throws `error` itself when another attempt cannot help
   */
  backOff(error: unknown): Promise<boolean>;
  /** An attempt succeeded: the count starts again at zero. */
  reset(): void;
}

/** @param onFirstFailure called with the first of several failures in a row */
export function createRetries(stop: AbortSignal, onFirstFailure: (error: FacequeueError) => void): Retries {
  let failures = 0;
  return {
    async backOff(error) {
      if (stop.aborted) return false;
      if (!isFacequeueError(error) || !error.entry.retryable) throw error;
      failures += 1;
      if (failures === 1) onFirstFailure(error);
      const ms = backOffMs(failures, Math.random(), error.retryAfterMs);
      await sleep(ms, undefined, { signal: stop }).catch(() => {});
      return !stop.aborted;
    },
    reset() {
      failures = 0;
    },
  };
}
