/**
 * Runs `work` on several items at a time and passes on the results in the order of the items, each as soon as all earlier
 * ones are there.
 * @param concurrency number of items at a time
 * @param stop once aborted, no further item is started
 * @returns how many items were started: always the first ones
 * @throws the first error of `work`, once no `work` runs any more; no further item is started after it
 */
export async function concurrentMap<T, R>(
  items: readonly T[],
  concurrency: number,
  stop: AbortSignal,
  work: (item: T) => Promise<R>,
  onResult: (result: R) => void,
): Promise<number> {
  const results = new Map<number, R>();
  let started = 0;
  let passedOn = 0;
  const errors: unknown[] = [];
  const runner = async () => {
    while (started < items.length && !stop.aborted && errors.length === 0) {
      const index = started++;
      results.set(index, await work(items[index]!));
      while (results.has(passedOn)) {
        onResult(results.get(passedOn)!);
        results.delete(passedOn++);
      }
    }
  };
  await Promise.all(Array.from({ length: concurrency }, () => runner().catch((error) => errors.push(error))));
  if (errors.length > 0) throw errors[0];
  return started;
}
