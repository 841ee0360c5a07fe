import type { FacequeueError } from '@facequeue/schema/errors';

/** Longest pause before another try; a service that asks for more is told to the caller at once. */
const MAX_PAUSE_MS = 10_000;
/** First pause when the service names none; it doubles with each try. */
const FIRST_PAUSE_MS = 500;

/** What is known of a failed try. */
export interface Failure {
  error: FacequeueError;
  /** False for a broken connection and for answers of a proxy: the service may have begun to work. */
  certain: boolean;
}

/**
 * Whether trying again is safe and may help. Reading is always safe. Work is handed in again only after the two
 * answers that say it was not accepted: over quota and queue full.
 */
export function mayRetry(method: 'GET' | 'POST', { error, certain }: Failure): boolean {
  if (certain && (error.code === 'queue_full' || error.code === 'quota_exceeded')) return true;
  return method === 'GET' && (error.code === 'unavailable' || error.code === 'quota_exceeded');
}

/**
 * Milliseconds to pause before try `attempt` + 1, spread so that many callers do not come back at once.
 * @param attempt tries made so far, from 1
 * @param random 0 <= random < 1
 * @returns null when the pause would be too long
 */
export function pauseBeforeRetry(attempt: number, retryAfterMs: number | undefined, random: number): number | null {
  const least = retryAfterMs ?? FIRST_PAUSE_MS * 2 ** (attempt - 1);
  return least > MAX_PAUSE_MS ? null : least * (1 + random / 4);
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
