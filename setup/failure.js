// @ts-check

/** Something the person at the terminal must know or do; shown without a stack trace. */
export class SetupFailure extends Error {
  /** @override */
  name = 'SetupFailure';
}

/** The set-up was asked to end by `signal`. */
export class Interrupted extends Error {
  /** @override */
  name = 'Interrupted';

  /** @param {NodeJS.Signals} signal */
  constructor(signal) {
    super(signal);
    this.signal = signal;
  }
}
