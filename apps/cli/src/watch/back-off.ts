/** First wait after a failure, ms; it doubles with each further failure in a row. */
const FIRST_MS = 1000;
/** Longest wait: a camera that comes back is watched again within half a minute. */
const LONGEST_MS = 30_000;

/**
 * Milliseconds until the next attempt, with jitter so that many watchers of one recorder do not reconnect together.
 * @param failures in a row, from 1
 * @param random 0 <= random < 1
 * @param atLeastMs lower bound, where the service asked for one
 */
export function backOffMs(failures: number, random: number, atLeastMs = 0): number {
  const own = Math.min(LONGEST_MS, FIRST_MS * 2 ** (failures - 1));
  return Math.max(own, atLeastMs) * (1 + random / 4);
}
