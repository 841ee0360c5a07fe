import { createHash } from 'node:crypto';

/** How many mutants are judged, and which by chance. */
export interface Sample {
  size: number;
  seed: number;
}

/**
 * Draws by chance: for the same seed the same items, whatever their order.
 * @param keyOf tells an item from all others, also in later runs
 * @returns the drawn ones, at most `size`
 */
export function drawn<T>(items: readonly T[], keyOf: (item: T) => string, { size, seed }: Sample): Set<T> {
  const rank = new Map(items.map((item) => [item, hashOf(`${seed} ${keyOf(item)}`)]));
  return new Set(items.toSorted((a, b) => (rank.get(a)! < rank.get(b)! ? -1 : 1)).slice(0, size));
}

export const hashOf = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 16);
