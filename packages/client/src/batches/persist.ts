import { isFacequeueError } from '@facequeue/schema/errors';
import { createEndurance, pause, pauseBeforeRetry } from '../retry.ts';

/**
 * Makes a call that may be made twice until it has worked. While the service has no room, for as long as that takes and with
 * the pauses it asks for; while it is away, as `wait` does it.
 * @param attempt makes it once
 * @throws what the service refuses it with; `unavailable` when it stays away; the signal's reason
 */
export async function persist<T>(attempt: () => Promise<T>, signal: AbortSignal): Promise<T> {
  const endurance = createEndurance();
  for (let refusals = 1; ; ) {
    try {
      return await attempt();
    } catch (error) {
      if (isFacequeueError(error) && (error.code === 'queue_full' || error.code === 'quota_exceeded')) {
        endurance.answered();
        const ms = pauseBeforeRetry(refusals++, error.retryAfterMs, Math.random(), Number.POSITIVE_INFINITY)!;
        await pause(ms, signal);
      } else {
        await endurance.failed(error, signal);
      }
    }
  }
}
