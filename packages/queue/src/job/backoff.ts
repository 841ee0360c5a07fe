/**
 * Exponential back-off with equal jitter: half of min(cap, base * 2^(attempt-1)) for sure, the other half at random, so that
 * jobs that failed together do not come back together.
 * @param attempt 1 for the first try
 * @param random 0..1
 * @returns milliseconds
 */
export function backoffMs(attempt: number, random: number, baseMs = 500, capMs = 30_000): number {
  const full = Math.min(capMs, baseMs * 2 ** Math.min(30, Math.max(0, attempt - 1)));
  return Math.round(full / 2 + (full / 2) * random);
}
