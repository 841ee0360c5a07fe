/** The longest delay of one timer of Node or a browser, about 24.8 days. They run a timer with a longer one at once. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** A call that is going to be made. */
export interface Timer extends Disposable {
  /** The call is no longer made. The same as `Symbol.dispose`, for browsers that have no `using` yet. */
  clear(): void;
}

/**
 * Calls `call` after `ms`, however long that is: a delay beyond `MAX_TIMER_MS` is made of several timers.
 * @param ms milliseconds; less than 0 counts as 0, and `Infinity` never calls and makes no timer
 * @throws RangeError when `ms` is not a number
 * @example
 * using timer = startTimer(60_000, () => response.destroy());
 */
export function startTimer(ms: number, call: () => void): Timer {
  if (Number.isNaN(ms)) throw new RangeError('a delay must be a number of milliseconds, not NaN');
  let timer: ReturnType<typeof setTimeout> | undefined;
  const schedule = (left: number) => {
    timer = left > MAX_TIMER_MS ? setTimeout(schedule, MAX_TIMER_MS, left - MAX_TIMER_MS) : setTimeout(call, left);
  };
  if (ms !== Number.POSITIVE_INFINITY) schedule(Math.max(0, ms));
  const clear = () => clearTimeout(timer);
  return { clear, [Symbol.dispose]: clear };
}

/**
 * Checks the interval of something that repeats: with 0 it would never pause.
 * @throws RangeError when `ms` is not more than 0
 */
export function checkInterval(ms: number): void {
  if (!(ms > 0)) throw new RangeError(`an interval must be more than 0 ms, not ${ms}`);
}
