import { timedOut } from './errors.ts';

const seconds = (ms: number) => `${ms / 1000} s`;

/**
 * The time one exchange may take. Its signal aborts when the whole time or that of the current phase is over (reason:
 * `source_timeout`), or when the caller aborts (reason: the caller's). Dispose it, so that its timers end.
 */
export class Budget implements Disposable {
  readonly #controller = new AbortController();
  readonly #total: NodeJS.Timeout;
  readonly #caller: AbortSignal | undefined;
  readonly #onCallerAbort = () => this.#controller.abort(this.#caller?.reason);
  readonly #aborted: Promise<never>;

  /**
   * @param caller a signal that has not aborted yet
   * @param late what has not happened when the whole time is over, for the error's text
   */
  constructor(totalMs: number, caller: AbortSignal | undefined, late: string) {
    this.#caller = caller;
    this.#total = this.#abortAfter(totalMs, `${late} within ${seconds(totalMs)}.`);
    this.#aborted = new Promise((_, reject) => {
      this.signal.addEventListener('abort', () => reject(this.signal.reason), { once: true });
    });
    this.#aborted.catch(() => {});
    caller?.addEventListener('abort', this.#onCallerAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Begins a phase with a limit of its own; disposing it ends the phase in time. */
  phase(ms: number, detail: string): Disposable {
    const timer = this.#abortAfter(ms, `${detail} within ${seconds(ms)}.`);
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  }

  /** The promise's outcome, or the abort's reason if that comes first: not every library heeds a signal at once. */
  race<T>(promise: Promise<T>): Promise<T> {
    return Promise.race([promise, this.#aborted]);
  }

  #abortAfter(ms: number, detail: string): NodeJS.Timeout {
    return setTimeout(() => this.#controller.abort(timedOut(detail)), ms);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#total);
    this.#caller?.removeEventListener('abort', this.#onCallerAbort);
  }
}
