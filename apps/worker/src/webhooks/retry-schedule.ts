import { spread } from '@facequeue/time';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** When a webhook whose attempt failed is attempted again. */
export interface RetrySchedule {
  /** Delays after the first, second, … failed attempt, milliseconds. Further failures are final. */
  delaysMs: readonly number[];
  /** How long after the end of its job or batch a webhook may be retried, milliseconds. */
  forMs: number;
}

/**
 * Eight attempts within a day, as the Standard Webhooks specification suggests: the first ones soon, for receivers that
 * restart; the others far apart, for receivers that need a repair. The delays add up to 23 h 35 min.
 */
export const RETRY_SCHEDULE: RetrySchedule = {
  delaysMs: [5000, 5 * MINUTE_MS, 30 * MINUTE_MS, 2 * HOUR_MS, 5 * HOUR_MS, 8 * HOUR_MS, 8 * HOUR_MS],
  forMs: 24 * HOUR_MS,
};

/** Random share by which each delay is shortened, so that deliveries that failed together do not return together. */
const JITTER = 0.2;

/** A failed attempt. Times are Unix milliseconds. */
export interface FailedAttempt {
  /** 1 for the first. */
  attempt: number;
  now: number;
  /** When the job or batch ended. */
  endedAt: number;
  /** The receiver's `Retry-After`: it may lengthen a delay, never shorten it. */
  retryAfterMs?: number | undefined;
  /** 0..1 */
  random: number;
}

/**
 * When the next attempt is due: after the delay, or at the end of the schedule's time if that comes first.
 * @returns Unix milliseconds, or null when there is no further attempt
 */
export function nextAttemptAt(
  { attempt, now, endedAt, retryAfterMs = 0, random }: FailedAttempt,
  { delaysMs, forMs }: RetrySchedule,
): number | null {
  const delay = delaysMs[attempt - 1];
  const remaining = endedAt + forMs - now;
  if (delay === undefined || remaining <= 0) return null;
  const wanted = Math.max(delay * (1 - JITTER * random), spread(retryAfterMs, JITTER, random));
  return Math.round(now + Math.min(remaining, wanted));
}
