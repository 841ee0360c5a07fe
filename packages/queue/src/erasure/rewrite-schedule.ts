/** Least time between the starts of two rewrites, ms. */
export const REWRITE_EVERY_MS = 60_000;
/** At most a twentieth of the time goes into rewrites: each takes a core, and writes all that Redis holds to the disk. */
const COST_FACTOR = 20;

/** A rewrite of the append-only file. */
export interface Rewrite {
  /** Milliseconds of any clock, as `tookMs`. */
  startedAt: number;
  tookMs: number;
  /** Erasures counted before it started: their bytes are no longer in the file. */
  erasures: number;
}

/**
 * Whether a rewrite is due: something was erased since the last one started, and that is long enough ago.
 * @param last null before the first
 * @param erasures counted so far
 */
export function rewriteIsDue(last: Rewrite | null, erasures: number, now: number, everyMs = REWRITE_EVERY_MS): boolean {
  if (!last) return erasures > 0;
  // After a restart of an emptied Redis the count begins again.
  if (erasures === last.erasures) return false;
  return now - last.startedAt >= Math.max(everyMs, COST_FACTOR * last.tookMs);
}
