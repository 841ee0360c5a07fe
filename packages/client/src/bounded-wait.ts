import { Deadline } from '@facequeue/time';

/** Reason of the abort when time is up. */
const TIMED_OUT = Symbol('timed out');

/**
 * The value of `work`, or null when it has not settled within `ms`. `work` continues.
 * @param ms `Infinity` for no limit
 * @throws the error of `work`; the signal's reason
 */
export async function boundedWait<T>(work: Promise<T>, ms: number, signal: AbortSignal): Promise<T | null> {
  const deadline = new Deadline({ ms, onTimeout: () => TIMED_OUT, parent: signal });
  try {
    return await deadline.race(work);
  } catch (error) {
    if (error === TIMED_OUT) return null;
    throw error;
  } finally {
    deadline.dispose();
  }
}
