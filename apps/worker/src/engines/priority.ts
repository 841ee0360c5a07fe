/** The two classes that compete for engines: a caller waits for jobs of `interactive`, and for none of `others`. */
export const PRIORITY_CLASSES = ['interactive', 'others'] as const;
export type PriorityClass = (typeof PRIORITY_CLASSES)[number];

/** Every fifth permit goes to `others` while they wait: bulk work never starves, and slows callers by a fifth at most. */
export const SHARE = 5;

/**
 * The class that gets the next permit. Pure; the caller keeps `passedOver` between calls.
 * @param queued how many requests of each class wait
 * @param passedOver permits granted to `interactive` since the last one to `others`
 * @returns null when no request waits
 */
export function nextPriorityClass(
  queued: Readonly<Record<PriorityClass, number>>,
  passedOver: number,
): PriorityClass | null {
  if (queued.others > 0 && (queued.interactive === 0 || passedOver >= SHARE - 1)) return 'others';
  return queued.interactive > 0 ? 'interactive' : null;
}
