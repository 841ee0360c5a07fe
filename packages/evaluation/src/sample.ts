import { createHash } from 'node:crypto';

/**
 * `count` of the items, drawn by chance that is the same for the same seed, in the sequence given. Whether one is drawn before
 * another does not depend on the others, so two versions of a set share most of their samples.
 * @param nameOf unique among the items
 */
export function sample<T>(items: readonly T[], count: number, seed: number, nameOf: (item: T) => string): T[] {
  const rank = (item: T) =>
    createHash('sha256')
      .update(`${seed} ${nameOf(item)}`)
      .digest('hex');
  const drawn = new Set(
    items
      .map((item) => ({ item, rank: rank(item) }))
      .sort((a, b) => (a.rank < b.rank ? -1 : 1))
      .slice(0, count)
      .map(({ item }) => item),
  );
  return items.filter((item) => drawn.has(item));
}
