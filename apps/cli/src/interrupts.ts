/**
 * Under `npm start` one Ctrl-C arrives twice: from the terminal, and forwarded by npm. Two that are closer than this count
 * as one.
 */
export const SAME_PRESS_MS = 500;

/** Decides what each signal of a process asks for. */
export class Interrupts {
  #firstAt: number | null = null;

  /**
   * @param now milliseconds of a monotonic clock
   * @returns `stop` for the first signal; `kill` for a later Ctrl-C; null when the signal changes nothing
   */
  onSignal(signal: NodeJS.Signals, now: number): 'stop' | 'kill' | null {
    if (this.#firstAt === null) {
      this.#firstAt = now;
      return 'stop';
    }
    return signal === 'SIGINT' && now - this.#firstAt >= SAME_PRESS_MS ? 'kill' : null;
  }
}
