import { decayedRate } from '@facequeue/time';
import { CONSTANTS } from '../constants.ts';

/**
 * How often a second something happened, over the last half minute or so.
 * @param field "<count> <at>" as rate.lua stores it; absent for never
 * @param now Unix milliseconds of Redis' clock
 */
export function rateFrom(field: string | undefined, now: number): number {
  if (!field) return 0;
  const [count, at] = field.split(' ').map(Number) as [number, number];
  return decayedRate({ count, at }, now, CONSTANTS.RATE_TAU_MS);
}
