/** Why a job in hand is given up: it was canceled, so its record has ended. */
export class JobCanceled extends Error {
  override readonly name = 'JobCanceled';
}

/** Why a job in hand is given up: this worker ends, another one is to run it. */
export class WorkerStopping extends Error {
  override readonly name = 'WorkerStopping';
}

/** A job in the hands of this worker. `signal` aborts when it is to be given up. */
export interface Hold extends Disposable {
  readonly signal: AbortSignal;
}

/** The jobs this worker is busy with, so that a cancel or the worker's end reaches them. */
export class InHand {
  readonly #jobs = new Map<string, AbortController>();

  /** @param lost aborts when the queue takes the job away from this worker */
  take(id: string, lost: AbortSignal): Hold {
    const own = new AbortController();
    this.#jobs.set(id, own);
    return {
      signal: AbortSignal.any([own.signal, lost]),
      [Symbol.dispose]: () => {
        if (this.#jobs.get(id) === own) this.#jobs.delete(id);
      },
    };
  }

  /** No effect on a job that is not in hand. */
  cancel(id: string): void {
    this.#jobs.get(id)?.abort(new JobCanceled('canceled'));
  }

  /** Gives all jobs up. */
  stop(): void {
    for (const job of this.#jobs.values()) job.abort(new WorkerStopping('the worker is stopping'));
  }
}
