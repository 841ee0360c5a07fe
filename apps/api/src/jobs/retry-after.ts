import type { JobQueue, QueueFigures } from '@facequeue/queue';
import type { QueueName } from '@facequeue/schema';

/** Shortest and longest `Retry-After`, ms. */
const [LEAST_MS, MOST_MS] = [1000, 60_000];

/**
 * Milliseconds until a share of what waits in a queue has been done, within the bounds of `Retry-After`.
 * @param share 0..1
 */
export function drainMs({ waiting, drainRate }: QueueFigures, share: number): number {
  if (waiting === 0) return LEAST_MS;
  const ms = drainRate > 0 ? (waiting / drainRate) * 1000 * share : MOST_MS;
  return Math.min(MOST_MS, Math.max(LEAST_MS, ms));
}

/** When it makes sense to look after a job that has not ended: it may be the last in its queue. */
export async function lookAgainMs(queue: JobQueue, name: QueueName): Promise<number> {
  try {
    return drainMs((await queue.snapshot()).queues[name], 1);
  } catch {
    return LEAST_MS;
  }
}

/** `Retry-After` of so many milliseconds, in whole seconds. */
export function retryAfter(ms: number): string {
  return String(Math.ceil(ms / 1000));
}
