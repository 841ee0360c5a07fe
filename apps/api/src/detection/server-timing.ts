import type { Timings } from '@facequeue/schema';

/** `Server-Timing`: milliseconds of each stage that ran. */
export function serverTiming(timings: Timings): string {
  return Object.entries(timings)
    .map(([stage, ms]) => `${stage};dur=${ms}`)
    .join(', ');
}
