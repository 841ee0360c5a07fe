import { createHash } from 'node:crypto';

/**
 * Draws `count` items, the same ones for the same seed, and keeps their sequence. Whether one item is drawn before another does not
 * depend on the others, so two versions of a set share most of their samples.
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
