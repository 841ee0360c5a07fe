import { startTimer } from './timer.ts';

/**
 * Resolves after `ms`, however long that is. Leaves no timer and no listener behind, however it ends.
 * @param ms milliseconds; `Infinity` sleeps until the signal aborts
 * @throws the signal's reason when it aborts first, or has aborted already; RangeError when `ms` is not a number
 */
export async function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const onAbort = () => {
      timer.clear();
      reject(signal?.reason);
    };
    const timer = startTimer(ms, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
