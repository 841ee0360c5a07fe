/**
 * Works on items, several at a time, and hands on what comes of them in the order of the items, each as soon as those before
 * it are there.
 * @param atOnce how many at a time
 * @param stop once aborted no item is begun any more
 * @returns how many items were begun: always the first ones
 */
export async function inOrder<T, R>(
  items: readonly T[],
  atOnce: number,
  stop: AbortSignal,
  work: (item: T) => Promise<R>,
  handOn: (outcome: R) => void,
): Promise<number> {
  const outcomes = new Map<number, R>();
  let begun = 0;
  let handedOn = 0;
  const lane = async () => {
    while (begun < items.length && !stop.aborted) {
      const index = begun++;
      outcomes.set(index, await work(items[index]!));
      while (outcomes.has(handedOn)) {
        handOn(outcomes.get(handedOn)!);
        outcomes.delete(handedOn++);
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return begun;
}
