/** A service that exits this often within the window is not started again. */
export const MAX_EXITS = 5;
export const EXIT_WINDOW_MS = 60_000;

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 8000;

/**
 * When to start a service again after it has exited. Each exit within the window doubles the delay: an immediate restart
 * would keep a core busy while the service keeps failing.
 * @param exits times of its exits, Unix milliseconds, latest last
 * @returns milliseconds to wait, or null to stop restarting it
 */
export function restartDelay(exits: readonly number[]): number | null {
  const latest = exits.at(-1)!;
  const recent = exits.filter((time) => latest - time < EXIT_WINDOW_MS).length;
  return recent >= MAX_EXITS ? null : Math.min(FIRST_DELAY_MS * 2 ** (recent - 1), LONGEST_DELAY_MS);
}
