/** Why jobs in hand are given up: this worker ends, another one is to run them. */
export class WorkerStopping extends Error {
  override readonly name = 'WorkerStopping';
}

/** A job in the hands of this worker. `signal` aborts when it is to be given up. */
export interface ActiveJobScope extends Disposable {
  readonly signal: AbortSignal;
}

/** The jobs this worker is busy with, so that its end reaches them. */
export class ActiveJobs {
  readonly #jobs = new Set<AbortController>();

  /**
   * Not `AbortSignal.any`: what it makes is held by weak references, which only V8's full collections look into, so that
   * each job was kept until the next of those.
   * @param lost aborts when the job is canceled or the queue takes it away from this worker
   */
  take(lost: AbortSignal): ActiveJobScope {
    const own = new AbortController();
    const lose = () => own.abort(lost.reason);
    if (lost.aborted) lose();
    lost.addEventListener('abort', lose, { once: true });
    this.#jobs.add(own);
    return {
      signal: own.signal,
      [Symbol.dispose]: () => {
        lost.removeEventListener('abort', lose);
        this.#jobs.delete(own);
      },
    };
  }

  /** Gives all jobs up; `signal.reason` is then a `WorkerStopping`. */
  stop(): void {
    for (const job of this.#jobs) job.abort(new WorkerStopping('the worker is stopping'));
  }
}
