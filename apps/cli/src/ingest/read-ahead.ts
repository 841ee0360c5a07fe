/**
 * Runs `work` on several values at a time and yields the results in the order of the values, each as soon as it and all
 * earlier ones are there, even while the next value is still awaited.
 * @param concurrency number of values whose result has not been yielded
 * @param work must not throw for an error that concerns one value only: what it throws ends the iteration
 */
export async function* readAhead<T, R>(
  values: AsyncIterator<T>,
  concurrency: number,
  work: (value: T) => Promise<R>,
): AsyncGenerator<R, void> {
  const pending: Promise<R>[] = [];
  let next: Promise<IteratorResult<T>> | null = null;
  let over = false;
  try {
    for (;;) {
      if (!over && !next && pending.length < concurrency) next = values.next();
      const first = pending[0];
      if (first === undefined && !next) return;
      const event = await Promise.race([
        ...(next ? [next.then((value) => ({ value }))] : []),
        ...(first !== undefined ? [first.then((result) => ({ result }))] : []),
      ]);
      if ('result' in event) {
        void pending.shift(); // settled
        yield event.result;
        continue;
      }
      next = null;
      if (event.value.done) {
        over = true;
        continue;
      }
      const started = work(event.value.value);
      started.catch(() => {}); // thrown in its turn, by the race above
      pending.push(started);
    }
  } finally {
    // Not awaited: the next value may never come.
    if (!over) void values.return?.()?.then(undefined, () => {});
  }
}
