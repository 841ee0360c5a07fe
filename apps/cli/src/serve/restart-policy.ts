/** A service that ends this often within the window is not started again. */
export const MOST_DEATHS = 5;
export const DEATHS_WINDOW_MS = 60_000;

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 8000;

/**
 * When to start a service again that has just ended: at once would burn a core while it keeps dying, so each death
 * within the window doubles the wait.
 * @param deaths when it ended, Unix milliseconds, the latest last
 * @returns milliseconds to wait, or null to give up
 */
export function restartDelay(deaths: readonly number[]): number | null {
  const latest = deaths.at(-1)!;
  const recent = deaths.filter((time) => latest - time < DEATHS_WINDOW_MS).length;
  return recent >= MOST_DEATHS ? null : Math.min(FIRST_DELAY_MS * 2 ** (recent - 1), LONGEST_DELAY_MS);
}
