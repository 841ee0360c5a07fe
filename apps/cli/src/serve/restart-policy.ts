import { exponentialBackoff } from '@facequeue/time';

/** A service that exits this often within the window is not started again. */
export const MAX_EXITS = 5;
export const EXIT_WINDOW_MS = 60_000;

const backoff = exponentialBackoff({ firstMs: 250, maxMs: 8000 });

/**
 * When to start a service again after it has exited. Each exit within the window doubles the delay: an immediate restart
 * would keep a core busy while the service keeps failing.
 * @param exits times of its exits, Unix milliseconds, latest last
 * @returns milliseconds to wait, or null to stop restarting it
 */
export function restartDelay(exits: readonly number[]): number | null {
  const latest = exits.at(-1)!;
  const recent = exits.filter((time) => latest - time < EXIT_WINDOW_MS).length;
  return recent >= MAX_EXITS ? null : backoff(recent);
}
