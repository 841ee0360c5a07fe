/**
 * Caches the result of `load` for `ms`. Concurrent callers share one load. A failure is not cached.
 * @param now milliseconds
 * @example
 * const snapshot = cachedFor(250, () => queue.readSnapshot());
 */
export function cachedFor<T>(
  ms: number,
  load: () => Promise<T>,
  now: () => number = () => performance.now(),
): () => Promise<T> {
  let answer: Promise<T> | null = null;
  let until = 0;
  return () => {
    if (answer && now() < until) return answer;
    const loading = load();
    answer = loading;
    until = Number.POSITIVE_INFINITY;
    loading.then(
      () => {
        until = now() + ms;
      },
      () => {
        answer = null;
      },
    );
    return loading;
  };
}
