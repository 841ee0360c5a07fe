import type { FacequeueError } from '@facequeue/schema/errors';
import { isFacequeueError } from '@facequeue/schema/errors';

/** Longest pause that is made of one's own accord. */
const MAX_PAUSE_MS = 10_000;
/** First pause when the service names none; it doubles with each try. */
const FIRST_PAUSE_MS = 500;

/** Longest pause a single call makes because the service asks for it; one that asks for more is told to the caller at once. */
const MAX_ASKED_MS = 10_000;
/** The same for what waits anyway: as long as a gateway may take to come back. */
const MAX_ASKED_WHILE_WAITING_MS = 60_000;
/** Tries in a row that may fail while waiting: about a minute of back-off, time for a gateway to be replaced. */
const MAX_FAILURES = 10;

/** What is known of a failed try. */
export interface Failure {
  error: FacequeueError;
  /** False for a broken connection and for answers of a proxy: the service may have begun to work. */
  certain: boolean;
}

/**
 * Whether trying again is safe and may help. Work is handed in again only after the two answers that say it was not
 * accepted, over quota and queue full, unless the service knows it again.
 * @param repeatable whether asking twice does what asking once does: reading, cancelling, erasing, a call with an idempotency key
 */
export function mayRetry(repeatable: boolean, { error, certain }: Failure): boolean {
  if (certain && (error.code === 'queue_full' || error.code === 'quota_exceeded')) return true;
  return repeatable && (error.code === 'unavailable' || error.code === 'quota_exceeded');
}

/**
 * Milliseconds to pause before try `attempt` + 1, spread so that many callers do not come back at once.
 * @param attempt tries made so far, from 1
 * @param random 0 <= random < 1
 * @param maxAskedMs longest pause that is made because the service asks for it
 * @returns null when it asks for more
 */
export function pauseBeforeRetry(
  attempt: number,
  retryAfterMs: number | undefined,
  random: number,
  maxAskedMs = MAX_ASKED_MS,
): number | null {
  if (retryAfterMs === undefined) return Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempt - 1)) * (1 + random);
  return retryAfterMs > maxAskedMs ? null : retryAfterMs * (1 + random / 4);
}

/** Resolves after `ms`; rejects with the signal's reason when that aborts first. */
export async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** How a call that goes on for minutes gets over a service that is away for a while. */
export interface RetryPolicy {
  /**
   * Pauses before the next try.
   * @throws `thrown` itself when another try cannot help, or enough have failed in a row; the signal's reason
   */
  failed(thrown: unknown, signal: AbortSignal | undefined): Promise<void>;
  /** The service has answered: failures are counted anew. */
  succeeded(): void;
}

export function createRetryPolicy(): RetryPolicy {
  let failures = 0;
  return {
    async failed(thrown, signal) {
      signal?.throwIfAborted();
      if (!isFacequeueError(thrown) || !mayRetry(true, { error: thrown, certain: true })) throw thrown;
      failures += 1;
      const ms = pauseBeforeRetry(failures, thrown.retryAfterMs, Math.random(), MAX_ASKED_WHILE_WAITING_MS);
      if (failures > MAX_FAILURES || ms === null) throw thrown;
      await pause(ms, signal);
    },
    succeeded() {
      failures = 0;
    },
  };
}
