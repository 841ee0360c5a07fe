/** First pause after something broke, ms; it doubles with each time it breaks again. */
const FIRST_MS = 1000;
/** Longest pause: a camera that comes back is watched again within half a minute. */
const LONGEST_MS = 30_000;

/**
 * Milliseconds until the next try, spread so that many watchers of one recorder do not come back at once.
 * @param failures in a row, from 1
 * @param random 0 <= random < 1
 * @param askedMs the least, where somebody asked for it
 */
export function backOffMs(failures: number, random: number, askedMs = 0): number {
  const own = Math.min(LONGEST_MS, FIRST_MS * 2 ** (failures - 1));
  return Math.max(own, askedMs) * (1 + random / 4);
}
