/** As limits/rate.lua. */
const TAU_MS = 15_000;

/**
 * How often a second something happened, over the last half minute or so.
 * @param field "<count> <at>" as rate.lua keeps it; absent for never
 * @param now Unix milliseconds of Redis' clock
 */
export function rateFrom(field: string | undefined, now: number): number {
  const [count = 0, at = now] = (field ?? '').split(' ').filter(Boolean).map(Number);
  return (count * Math.exp(-Math.max(0, now - at) / TAU_MS) * 1000) / TAU_MS;
}
