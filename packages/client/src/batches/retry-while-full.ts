import { isRefusedForNow } from '@facequeue/schema/errors';
import { sleep } from '@facequeue/time';
import { createRetryPolicy, patientRetryDelay } from '../retry.ts';

/**
 * Waits for room in the queue.
 * @param ms how long to wait before the next attempt
 * @returns false when waiting cannot help
 */
export type WaitForRoom = (ms: number) => Promise<boolean>;

/**
 * Repeats an idempotent call until it succeeds. While the queue is full it waits without limit, with the delays the service
 * asks for; while the service is unavailable it retries as `wait` does.
 * @throws the error with which the service refuses the call; `queue_full` when waiting cannot help; `unavailable` when the
 *   service stays unavailable; the signal's reason
 */
export async function retryWhileFull<T>(
  attempt: () => Promise<T>,
  signal: AbortSignal,
  waitForRoom: WaitForRoom = (ms) => sleep(ms, signal).then(() => true),
): Promise<T> {
  const retries = createRetryPolicy();
  for (let refusals = 1; ; ) {
    try {
      return await attempt();
    } catch (error) {
      if (isRefusedForNow(error)) {
        retries.succeeded();
        if (!(await waitForRoom(patientRetryDelay(refusals++, error.retryAfterMs)))) throw error;
      } else {
        await retries.failed(error, signal);
      }
    }
  }
}
