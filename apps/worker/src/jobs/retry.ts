/** Pause before the second attempt, ms: an engine is back up by then. */
const FIRST_MS = 500;
/** Longest pause, ms. */
const LONGEST_MS = 10_000;

/**
 * How long a job that failed for our reasons waits before it is run again, ms: doubling, with half of it random so that
 * jobs which failed together do not come back together.
 * @param attempt the attempt that failed, from 1
 * @param random 0 to 1
 */
export function retryDelayMs(attempt: number, random: number): number {
  const pause = Math.min(LONGEST_MS, FIRST_MS * 2 ** (attempt - 1));
  return Math.round(pause * (0.5 + random / 2));
}
