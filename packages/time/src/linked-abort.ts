/** An abort signal that follows others until it is disposed. */
export interface LinkedAbort extends Disposable {
  readonly signal: AbortSignal;
  /** Aborts this signal alone, not its sources. */
  abort(reason?: unknown): void;
  /** Stops following. The same as `Symbol.dispose`, for browsers that have no `using` yet. */
  dispose(): void;
}

/**
 * A signal that aborts when one of `sources` does, with its reason, or when `abort` is called. Dispose it when the work ends.
 *
 * Not `AbortSignal.any`: V8 holds its signals through weak references that only a full collection clears, so each request or
 * job would stay in memory until then. Here dispose removes the listeners.
 * @param sources absent ones are skipped
 * @example
 * using linked = linkedAbort(job.signal, stopping);
 * await fetchImage(url, linked.signal);
 */
export function linkedAbort(...sources: (AbortSignal | undefined)[]): LinkedAbort {
  const controller = new AbortController();
  const followed: [AbortSignal, () => void][] = [];
  const dispose = () => {
    for (const [source, follow] of followed.splice(0)) source.removeEventListener('abort', follow);
  };
  const abort = (reason?: unknown) => {
    dispose();
    controller.abort(reason);
  };
  for (const source of sources) {
    if (!source) continue;
    if (source.aborted) {
      abort(source.reason);
      break;
    }
    const follow = () => abort(source.reason);
    source.addEventListener('abort', follow, { once: true });
    followed.push([source, follow]);
  }
  return { signal: controller.signal, abort, dispose, [Symbol.dispose]: dispose };
}
