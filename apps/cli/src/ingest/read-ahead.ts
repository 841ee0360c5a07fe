/**
 * Works on values, several at a time, and gives what comes of them in their order. Never has more than `atOnce` in hand, and
 * keeps none back because the next one is not there yet.
 * @param work must not throw for one value what is no reason to end all
 */
export async function* readAhead<T, R>(
  values: AsyncIterator<T>,
  atOnce: number,
  work: (value: T) => Promise<R>,
): AsyncGenerator<R, void> {
  const inHand: Promise<R>[] = [];
  let next: Promise<IteratorResult<T>> | null = null;
  let over = false;
  try {
    for (;;) {
      if (!over && !next && inHand.length < atOnce) next = values.next();
      const first = inHand[0];
      if (!first && !next) return;
      const come = await Promise.race([
        ...(next ? [next.then((value) => ({ value }))] : []),
        ...(first ? [first.then((result) => ({ result }))] : []),
      ]);
      if ('result' in come) {
        inHand.shift();
        yield come.result;
        continue;
      }
      next = null;
      if (come.value.done) {
        over = true;
        continue;
      }
      const begun = work(come.value.value);
      begun.catch(() => {}); // thrown when it is its turn
      inHand.push(begun);
    }
  } finally {
    // Not awaited: the next value may never come.
    if (!over) void values.return?.()?.then(undefined, () => {});
  }
}
