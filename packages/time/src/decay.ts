/**
 * What is left of a weight after `ageMs`: e^(-age/tau), 1 for now. A clock that went back counts as no time passed.
 * @param tauMs time constant, milliseconds: what is that old weighs 0.37, what is three times that old 0.05
 */
export function decay(ageMs: number, tauMs: number): number {
  return Math.exp(-Math.max(0, ageMs) / tauMs);
}

/**
 * A decayed count: how often something has happened, each time weighing e^(-age/tau) as of `at`. One more event makes it
 * `count * decay(now - at) + 1` at `now`; the queue's Lua scripts do that to what is stored.
 */
export interface DecayedCount {
  count: number;
  /** Milliseconds of the clock that `now` is read from. */
  at: number;
}

/** Events a second over about the last two time constants, from a decayed count. */
export function decayedRate({ count, at }: DecayedCount, now: number, tauMs: number): number {
  return (count * decay(now - at, tauMs) * 1000) / tauMs;
}

/**
 * The mean of a level over time, each moment weighing e^(-age/tau): how many engines were busy lately.
 * @example
 * const busy = new DecayedMean(15_000, performance.now());
 * busy.set(2, performance.now());
 * busy.mean(performance.now());
 */
export class DecayedMean {
  readonly #tauMs: number;
  #mean = 0;
  #level = 0;
  #at: number;

  /**
   * @param tauMs time constant: what was so four times as long ago hardly counts
   * @param now milliseconds, here and below, of one clock
   */
  constructor(tauMs: number, now: number) {
    this.#tauMs = tauMs;
    this.#at = now;
  }

  /** From now on the level is this. */
  set(level: number, now: number): void {
    this.#mean = this.mean(now);
    this.#level = level;
    this.#at = now;
  }

  mean(now: number): number {
    return this.#level + (this.#mean - this.#level) * decay(now - this.#at, this.#tauMs);
  }
}
