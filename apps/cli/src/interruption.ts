import { Interrupts } from './interrupts.ts';

/** Time that a request in progress gets to return the id of its job, ms. */
const GRACE_MS = 3000;

/** Exit code of a command that Ctrl-C ended, as shells report it: 128 + SIGINT. */
export const INTERRUPTED = 130;

/** Ctrl-C and SIGTERM while a command runs. */
export interface Interruption extends Disposable {
  /** Aborts immediately: waits end, and nothing new is started. */
  readonly stop: AbortSignal;
  /** Aborts after a grace period: it ends what is in progress. */
  readonly cut: AbortSignal;
}

/** Listens until it is disposed of. A second Ctrl-C ends the process immediately. */
export function listenForInterruption(): Interruption {
  const interrupts = new Interrupts();
  const stop = new AbortController();
  const cut = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    const action = interrupts.onSignal(signal, performance.now());
    if (action === 'kill') process.exit(INTERRUPTED);
    if (action !== 'stop') return;
    stop.abort();
    timer = setTimeout(() => cut.abort(), GRACE_MS);
  };
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  return {
    stop: stop.signal,
    cut: cut.signal,
    [Symbol.dispose]() {
      clearTimeout(timer);
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
}
