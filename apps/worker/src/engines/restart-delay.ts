import { exponentialBackoff } from '@facequeue/time';

/** The longest delay is short: a machine that was out of memory gets its engines back soon after it has some. */
const backoff = exponentialBackoff({ firstMs: 100, maxMs: 5000 });

/**
 * How long to wait before an engine is started again, ms. The first failure restarts at once, because the image that was
 * inside waits for the engine. Further failures back off, so that an engine that cannot stay up costs the machine little.
 * @param failuresInARow 0 or more; an image that is done ends the row
 */
export function restartDelayMs(failuresInARow: number): number {
  return failuresInARow <= 1 ? 0 : backoff(failuresInARow - 1);
}
