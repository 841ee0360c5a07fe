/** First pause before an engine is started again after it died a second time in a row, ms. */
const FIRST_MS = 100;
/** Longest pause, ms: a machine that was out of memory gets its engines back soon after it has some. */
const LONGEST_MS = 5000;

/**
 * How long to wait before an engine is started again, ms. The first death restarts at once: the image that was inside
 * waits for it. From then on pauses double, so that an engine that cannot stay up costs the machine little.
 * @param failuresInARow failuresInARow in a row, 1 or more; an image done ends the row
 */
export function restartDelayMs(failuresInARow: number): number {
  return failuresInARow <= 1 ? 0 : Math.min(LONGEST_MS, FIRST_MS * 2 ** (failuresInARow - 2));
}
