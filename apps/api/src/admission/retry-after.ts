import type { GatewayQueue, QueueFigures } from '@facequeue/queue';
import type { QueueName } from '@facequeue/schema';
import { isUnavailable } from '../http/errors.ts';

/** Shortest and longest `Retry-After`, ms. */
export const MIN_RETRY_MS = 1000;
const MAX_RETRY_MS = 60_000;
/** When to poll a job of a queue that has been idle, ms: its throughput is unknown, and may be high. */
const UNKNOWN_POLL_MS = 5000;

/**
 * Milliseconds until a share of a queue's waiting jobs has been processed, within the bounds of `Retry-After`.
 * @param share 0..1
 * @param unknownMs what to return while nothing has ended lately
 */
export function timeToProcess({ waiting, throughput }: QueueFigures, share: number, unknownMs = MAX_RETRY_MS): number {
  if (waiting === 0) return MIN_RETRY_MS;
  // Multiply before dividing: a throughput near 0 gives Infinity, and Infinity times a share of 0 is NaN.
  const ms = throughput > 0 ? ((waiting * share) / throughput) * 1000 : unknownMs;
  return Math.min(MAX_RETRY_MS, Math.max(MIN_RETRY_MS, ms));
}

/** When to poll a job that has not ended, ms: it may be the last in its queue. */
export async function pollAfterMs(queue: GatewayQueue, name: QueueName): Promise<number> {
  try {
    return timeToProcess((await queue.snapshot()).queues[name], 1, UNKNOWN_POLL_MS);
  } catch (error) {
    if (isUnavailable(error)) return MIN_RETRY_MS;
    throw error;
  }
}

/** Value of a `Retry-After` header: whole seconds. */
export function retryAfter(ms: number): string {
  return String(Math.ceil(ms / 1000));
}
