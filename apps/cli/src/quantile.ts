/**
 * The value below which a share of the values lies.
 * @param sorted ascending, at least one
 * @param share 0..1: 0.5 is the median (the higher of the two in the middle)
 */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}
