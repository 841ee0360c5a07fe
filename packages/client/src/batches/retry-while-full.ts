import { isFacequeueError } from '@facequeue/schema/errors';
import { createRetryPolicy, pause, pauseBeforeRetry } from '../retry.ts';

/**
 * Waits after a refusal for want of room.
 * @param ms how long
 * @returns false when it is no use to wait for it
 */
export type WaitForRoom = (ms: number) => Promise<boolean>;

/**
 * Makes a call that may be made twice until it has worked. While the service has no room, for as long as that takes and with
 * the pauses it asks for; while it is away, as `wait` does it.
 * @param attempt makes it once
 * @throws what the service refuses it with; `queue_full` when it is no use to wait; `unavailable` when the service stays away;
 * the signal's reason
 */
export async function retryWhileFull<T>(
  attempt: () => Promise<T>,
  signal: AbortSignal,
  waitForRoom: WaitForRoom = (ms) => pause(ms, signal).then(() => true),
): Promise<T> {
  const retries = createRetryPolicy();
  for (let refusals = 1; ; ) {
    try {
      return await attempt();
    } catch (error) {
      if (isFacequeueError(error) && (error.code === 'queue_full' || error.code === 'quota_exceeded')) {
        retries.succeeded();
        const ms = pauseBeforeRetry(refusals++, error.retryAfterMs, Math.random(), Number.POSITIVE_INFINITY)!;
        if (!(await waitForRoom(ms))) throw error;
      } else {
        await retries.failed(error, signal);
      }
    }
  }
}
