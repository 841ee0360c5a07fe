import { exponentialBackoff } from '@facequeue/time';

/** The longest delay is short: a machine that was out of memory gets its engines back soon after memory is free. */
const backoff = exponentialBackoff({ firstMs: 100, maxMs: 5000 });

/**
 * How long to wait before an engine is started again, ms. After the first failure it starts at once, because the image that
 * was inside waits for it. Further failures back off, because an engine that cannot stay up would load the machine.
 * @param failuresInARow failures since the last image that completed, 0 or more
 */
export function restartDelayMs(failuresInARow: number): number {
  return failuresInARow <= 1 ? 0 : backoff(failuresInARow - 1);
}
