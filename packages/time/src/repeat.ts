import { checkInterval, startTimer, type Timer } from './timer.ts';

/**
 * Calls `work` again and again, `everyMs` after each call has ended and first after `everyMs`, until disposed. A call in progress then is
 * the last one.
 * @param work must not reject
 * @throws RangeError when `everyMs` is not more than 0
 * @example
 * using heartbeat = repeat(() => queue.heartbeat(info).catch(logError), 2000);
 */
export function repeat(work: () => Promise<void>, everyMs: number): Disposable {
  checkInterval(everyMs);
  let stopped = false;
  let timer: Timer;
  const schedule = () => {
    timer = startTimer(everyMs, async () => {
      await work();
      if (!stopped) schedule();
    });
  };
  schedule();
  return {
    [Symbol.dispose]() {
      stopped = true;
      timer.clear();
    },
  };
}
