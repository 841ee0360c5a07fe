import { MAX_TIMER_MS } from './sleep.ts';

/**
 * Calls `work` again and again, `everyMs` after each call has ended and first after `everyMs`, until disposed. A call in progress then is
 * the last one.
 * @param work must not reject
 * @example
 * using heartbeat = repeat(() => queue.heartbeat(info).catch(logError), 2000);
 */
export function repeat(work: () => Promise<void>, everyMs: number): Disposable {
  let stopped = false;
  let timer: ReturnType<typeof setTimeout>;
  const schedule = () => {
    timer = setTimeout(
      async () => {
        await work();
        if (!stopped) schedule();
      },
      Math.min(everyMs, MAX_TIMER_MS),
    );
  };
  schedule();
  return {
    [Symbol.dispose]() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
