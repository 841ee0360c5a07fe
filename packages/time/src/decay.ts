/**
 * Weight of something `ageMs` old: e^(-age/tau), 1 for now. A negative age, from a clock that went back, counts as 0.
 * @param tauMs time constant, milliseconds: an event that old weighs 0.37, one three times that old 0.05
 */
export function decay(ageMs: number, tauMs: number): number {
  return Math.exp(-Math.max(0, ageMs) / tauMs);
}

/**
 * A decayed count: the sum of e^(-age/tau) over all events, as of `at`. One more event at `now` makes it
 * `count * decay(now - at) + 1`; the queue's Lua scripts do this to stored counts.
 */
export interface DecayedCount {
  count: number;
  /** Milliseconds of the clock that `now` is read from. */
  at: number;
}

/**
 * Events per second over about the last two time constants, from a decayed count.
 * @example
 * decayedRate({ count: 30, at: Date.now() }, Date.now(), 15_000); // 2
 */
export function decayedRate({ count, at }: DecayedCount, now: number, tauMs: number): number {
  return (count * decay(now - at, tauMs) * 1000) / tauMs;
}

/**
 * The mean of a level over time, with weight e^(-age/tau) for each moment: for example the number of busy engines lately.
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
   * @param tauMs time constant: levels from before four time constants hardly count
   * @param now milliseconds, here and below, of one clock
   */
  constructor(tauMs: number, now: number) {
    this.#tauMs = tauMs;
    this.#at = now;
  }

  /** Sets the level from `now` on. */
  set(level: number, now: number): void {
    this.#mean = this.mean(now);
    this.#level = level;
    this.#at = now;
  }

  mean(now: number): number {
    return this.#level + (this.#mean - this.#level) * decay(now - this.#at, this.#tauMs);
  }
}
