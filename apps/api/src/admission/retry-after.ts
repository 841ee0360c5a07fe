import type { GatewayQueue, QueueFigures } from '@facequeue/queue';
import type { QueueName } from '@facequeue/schema';
import { isUnavailable } from '../http/unavailable.ts';

/** Shortest and longest `Retry-After`, ms. */
export const LEAST_RETRY_MS = 1000;
const MOST_RETRY_MS = 60_000;
/** When to look after a job of a queue that has been idle: nothing says how fast it drains, and it may be fast. */
const UNKNOWN_LOOK_MS = 5000;

/**
 * Milliseconds until a share of what waits in a queue has been done, within the bounds of `Retry-After`.
 * @param share 0..1
 * @param unknownMs what to say while nothing has ended lately
 */
export function drainMs({ waiting, throughput }: QueueFigures, share: number, unknownMs = MOST_RETRY_MS): number {
  if (waiting === 0) return LEAST_RETRY_MS;
  // The share comes before the division: a rate near 0 makes infinity of it, and infinity times a share of 0 is no number.
  const ms = throughput > 0 ? ((waiting * share) / throughput) * 1000 : unknownMs;
  return Math.min(MOST_RETRY_MS, Math.max(LEAST_RETRY_MS, ms));
}

/** When it makes sense to look after a job that has not ended: it may be the last in its queue. */
export async function lookAgainMs(queue: GatewayQueue, name: QueueName): Promise<number> {
  try {
    return drainMs((await queue.snapshot()).queues[name], 1, UNKNOWN_LOOK_MS);
  } catch (error) {
    if (isUnavailable(error)) return LEAST_RETRY_MS;
    throw error;
  }
}

/** `Retry-After` of so many milliseconds, in whole seconds. */
export function retryAfter(ms: number): string {
  return String(Math.ceil(ms / 1000));
}
