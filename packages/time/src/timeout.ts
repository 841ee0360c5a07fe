import { startTimer } from './timer.ts';

/**
 * Bounds the wait for `work`, not the work itself, which continues; its later outcome is ignored.
 * @param ms longest wait, milliseconds; `Infinity` for no limit
 * @param onTimeout makes the error when time is up
 * @throws what `work` rejects with; the error of `onTimeout`; RangeError when `ms` is not a number
 * @example
 * await withTimeout(redis.ping(), 2000, () => new FacequeueError('unavailable', 'Redis does not answer'));
 */
export async function withTimeout<T>(work: Promise<T>, ms: number, onTimeout: () => Error): Promise<T> {
  const timeout = Promise.withResolvers<never>();
  const timer = startTimer(ms, () => timeout.reject(onTimeout()));
  try {
    return await Promise.race([work, timeout.promise]);
  } finally {
    timer.clear();
  }
}

/**
 * Whether `work` settles within `ms`. Shutdowns use it to wait a limited time for work that may never end.
 * @throws RangeError when `ms` is not a number
 * @example
 * if (!(await settlesInTime(running, 2000))) log.warn('still running');
 */
export async function settlesInTime(work: Promise<unknown>, ms: number): Promise<boolean> {
  const settled = work.then(
    () => true,
    () => true,
  );
  const timeout = Promise.withResolvers<boolean>();
  const timer = startTimer(ms, () => timeout.resolve(false));
  const inTime = await Promise.race([settled, timeout.promise]);
  timer.clear();
  return inTime;
}
