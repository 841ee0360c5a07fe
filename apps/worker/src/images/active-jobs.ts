import { linkedAbort } from '@facequeue/time';

/** Why active jobs are aborted when this worker stops; another worker runs them. */
export class WorkerStopping extends Error {
  override readonly name = 'WorkerStopping';
}

/** One active job; dispose it when the job is done. `signal` aborts when the job must stop. */
export interface ActiveJobScope extends Disposable {
  readonly signal: AbortSignal;
}

/** The jobs that this worker is running now, for its shutdown to abort. */
export class ActiveJobs {
  readonly #jobs = new Set<(reason: unknown) => void>();

  /** @param lost aborts when the job is canceled or the queue takes it away from this worker */
  start(lost: AbortSignal): ActiveJobScope {
    const { signal, abort, dispose } = linkedAbort(lost);
    this.#jobs.add(abort);
    return {
      signal,
      [Symbol.dispose]: () => {
        dispose();
        this.#jobs.delete(abort);
      },
    };
  }

  /** Aborts all active jobs; `signal.reason` is then a `WorkerStopping`. */
  abortAll(): void {
    for (const abort of this.#jobs) abort(new WorkerStopping('the worker is stopping'));
  }
}
