/** The two lines that wait for permits: `interactive` has somebody waiting on the other end, `others` has not. */
export const PRIORITY_CLASSES = ['interactive', 'others'] as const;
export type PriorityClass = (typeof PRIORITY_CLASSES)[number];

/** Of so many permits in a row, one goes to `others` when they wait: bulk work slows callers by a fifth and never starves. */
export const SHARE = 5;

/**
 * Which lane the next permit goes to. Pure; the caller keeps `passedOver` between calls.
 * @param waiting how many wait in each lane
 * @param passedOver interactive permits given since the last one to `others`
 * @returns the lane, null when nobody waits
 */
export function nextPriorityClass(
  waiting: Readonly<Record<PriorityClass, number>>,
  passedOver: number,
): PriorityClass | null {
  if (waiting.others > 0 && (waiting.interactive === 0 || passedOver >= SHARE - 1)) return 'others';
  return waiting.interactive > 0 ? 'interactive' : null;
}
