const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** When a webhook that was not taken is tried again. */
export interface RetrySchedule {
  /** Pauses after the first, second, … failed try, milliseconds. After the last one there is no other try. */
  pausesMs: readonly number[];
  /** No try is made so long after the end it tells of, milliseconds, unless it is the first. */
  forMs: number;
}

/**
 * Eight tries within a day, in the manner of the Standard Webhooks specification: the first ones soon, for receivers that
 * restart; the others far apart, for those that somebody has to mend. The pauses add up to 23 h 35 min.
 */
export const RETRY_SCHEDULE: RetrySchedule = {
  pausesMs: [5000, 5 * MINUTE_MS, 30 * MINUTE_MS, 2 * HOUR_MS, 5 * HOUR_MS, 8 * HOUR_MS, 8 * HOUR_MS],
  forMs: 24 * HOUR_MS,
};

/** Each pause is shortened by up to this share at random, so that what failed together does not come back together. */
const JITTER = 0.2;

/** A try that failed. Times are Unix milliseconds. */
export interface FailedAttempt {
  /** 1 for the first. */
  attempt: number;
  now: number;
  /** When what it tells of ended. */
  endedAt: number;
  /** What the receiver asked for; it may lengthen a pause, never shorten it. */
  retryAfterMs?: number | undefined;
  /** 0..1 */
  random: number;
}

/**
 * When the next try is due; at the very end of the schedule's time when the pause would reach past it.
 * @returns Unix milliseconds, or null when there is no other try
 */
export function nextAttemptAt(
  { attempt, now, endedAt, retryAfterMs = 0, random }: FailedAttempt,
  { pausesMs, forMs }: RetrySchedule,
): number | null {
  const pause = pausesMs[attempt - 1];
  const left = endedAt + forMs - now;
  if (pause === undefined || left <= 0) return null;
  const wanted = Math.max(pause * (1 - JITTER * random), retryAfterMs * (1 + JITTER * random));
  return Math.round(now + Math.min(left, wanted));
}
