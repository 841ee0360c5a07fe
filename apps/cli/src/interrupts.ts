/**
 * Under `npm start` one Ctrl-C arrives twice: from the terminal, and passed on by npm. Two presses this close together
 * are taken for one.
 */
export const SAME_PRESS_MS = 500;

/** What a signal asks for, given the ones before it. */
export class Interrupts {
  #first: number | null = null;

  /**
   * @param now milliseconds of any steady clock
   * @returns `stop` for the first signal; `kill` for a Ctrl-C after it; null when there is nothing new to do
   */
  asked(signal: NodeJS.Signals, now: number): 'stop' | 'kill' | null {
    if (this.#first === null) {
      this.#first = now;
      return 'stop';
    }
    return signal === 'SIGINT' && now - this.#first >= SAME_PRESS_MS ? 'kill' : null;
  }
}
