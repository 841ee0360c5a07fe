import { Interrupts } from './interrupts.ts';

/** What is in the middle of being handed in gets so long to become a job with an id, ms. */
const GRACE_MS = 3000;

/** As a shell has it for a command that Ctrl-C ended: 128 + SIGINT. */
export const INTERRUPTED = 130;

/** Ctrl-C and SIGTERM while a command runs. */
export interface Interruption extends Disposable {
  /** Aborts at once: waiting ends, nothing new is begun. */
  readonly stop: AbortSignal;
  /** Aborts a little later: what was under way has had its time. */
  readonly cut: AbortSignal;
}

/** Listens until it is disposed of. A second Ctrl-C ends the process at once. */
export function listenForInterruption(): Interruption {
  const interrupts = new Interrupts();
  const stop = new AbortController();
  const cut = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const onSignal = (signal: NodeJS.Signals) => {
    const asked = interrupts.asked(signal, performance.now());
    if (asked === 'kill') process.exit(INTERRUPTED);
    if (asked !== 'stop') return;
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
