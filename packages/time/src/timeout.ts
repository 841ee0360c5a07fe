import { MAX_TIMER_MS } from './sleep.ts';

/**
 * Bounds the wait for `work`, not the work itself, which continues; its later outcome is ignored.
 * @param ms longest wait, milliseconds
 * @param onTimeout makes the error when time is up
 * @throws what `work` rejects with; the error of `onTimeout`
 * @example
 * await withTimeout(redis.ping(), 2000, () => new FacequeueError('unavailable', 'Redis does not answer'));
 */
export async function withTimeout<T>(work: Promise<T>, ms: number, onTimeout: () => Error): Promise<T> {
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(() => timeout.reject(onTimeout()), Math.min(ms, MAX_TIMER_MS));
  try {
    return await Promise.race([work, timeout.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Whether `work` settles within `ms`. Shutdowns use it to wait a limited time for work that may never end.
 * @example
 * if (!(await settlesInTime(running, 2000))) log.warn('still running');
 */
export async function settlesInTime(work: Promise<unknown>, ms: number): Promise<boolean> {
  const settled = work.then(
    () => true,
    () => true,
  );
  const timeout = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => timeout.resolve(false), Math.min(ms, MAX_TIMER_MS));
  const inTime = await Promise.race([settled, timeout.promise]);
  clearTimeout(timer);
  return inTime;
}
