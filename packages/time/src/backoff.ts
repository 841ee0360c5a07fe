/** How `exponentialBackoff` grows and how far it spreads. */
export interface BackoffOptions {
  /** Delay after the first failure, before jitter. Milliseconds, more than 0. */
  firstMs: number;
  /** No delay is longer than this. Milliseconds, finite. */
  maxMs: number;
  /** Factor by which each further failure multiplies the delay, at least 1. */
  factor?: number;
  /**
   * Random share of the delay, 0 to 1; it keeps callers that failed together from retrying together. The delay lies between
   * `(1 - jitter)` of the full one and the full one. 0.5 is known as equal jitter, 1 as full jitter.
   */
  jitter?: number;
}

/**
 * Delay before the next attempt.
 * @param failures failures in a row, from 1
 * @param random 0 <= random < 1; `Math.random()` when absent
 * @returns whole milliseconds
 */
export type Backoff = (failures: number, random?: number) => number;

/**
 * Capped exponential back-off: `firstMs * factor ** (failures - 1)`, at most `maxMs`, less jitter.
 * @throws RangeError for options outside their ranges: a delay of NaN or 0 would make retries a busy loop
 * @example
 * const backoff = exponentialBackoff({ firstMs: 500, maxMs: 30_000, jitter: 0.5 });
 * await sleep(backoff(failures), signal);
 */
export function exponentialBackoff({ firstMs, maxMs, factor = 2, jitter = 0 }: BackoffOptions): Backoff {
  const valid = firstMs > 0 && maxMs > 0 && Number.isFinite(maxMs) && factor >= 1 && jitter >= 0 && jitter <= 1;
  if (!valid)
    throw new RangeError(`no back-off: firstMs ${firstMs}, maxMs ${maxMs}, factor ${factor}, jitter ${jitter}`);
  return (failures, random = Math.random()) => {
    const full = Math.min(maxMs, firstMs * factor ** Math.max(0, failures - 1));
    return Math.round(full * (1 - jitter * (1 - random)));
  };
}

/**
 * A requested delay (`Retry-After`) with jitter: never shorter than requested, longer by up to a share.
 * @param ms the requested delay, milliseconds
 * @param share of `ms` that may be added, 0.25 for a quarter
 * @param random 0 <= random < 1
 * @returns milliseconds
 */
export function spread(ms: number, share: number, random: number = Math.random()): number {
  return ms * (1 + share * random);
}
