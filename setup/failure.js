// @ts-check

/** A problem that the person at the terminal must solve; printed without a stack trace. */
export class SetupFailure extends Error {
  /** @override */
  name = 'SetupFailure';
}

/** `signal` ended the set-up. */
export class Interrupted extends Error {
  /** @override */
  name = 'Interrupted';

  /** @param {NodeJS.Signals} signal */
  constructor(signal) {
    super(signal);
    this.signal = signal;
  }
}
