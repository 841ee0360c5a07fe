/** The longest a timer can run, ms. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** A signal that aborts when time is up, or with another signal. `clear` it when the work has ended. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** The time begins anew. */
  renew(): void;
  /** Time stands still until `renew`. */
  rest(): void;
  clear(): void;
}

/**
 * @param ms how long; without an end when longer than a timer can run
 * @param late the reason of the abort when time is up
 * @param outer its abort is passed on with its reason
 */
export function createDeadline(ms: number, late: unknown, outer?: AbortSignal): Deadline {
  const controller = new AbortController();
  const onAbort = () => controller.abort(outer?.reason);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const renew = () => {
    clearTimeout(timer);
    if (ms <= MAX_TIMER_MS) timer = setTimeout(() => controller.abort(late), ms);
  };
  if (outer?.aborted) onAbort();
  outer?.addEventListener('abort', onAbort, { once: true });
  renew();
  return {
    signal: controller.signal,
    renew,
    rest: () => clearTimeout(timer),
    clear() {
      clearTimeout(timer);
      outer?.removeEventListener('abort', onAbort);
    },
  };
}
