/** Time constant of the mean, ms: what was so a minute ago hardly counts. */
const TAU_MS = 15_000;

/** The mean of how many were busy lately, each moment weighing e^(-age/15 s). */
export class Load {
  #mean = 0;
  #busy = 0;
  #at: number;

  /** @param now milliseconds, here and below, of one clock */
  constructor(now: number) {
    this.#at = now;
  }

  /** From now on so many are busy. */
  set(busy: number, now: number): void {
    this.#mean = this.mean(now);
    this.#busy = busy;
    this.#at = now;
  }

  mean(now: number): number {
    return this.#busy + (this.#mean - this.#busy) * Math.exp(-Math.max(0, now - this.#at) / TAU_MS);
  }
}
