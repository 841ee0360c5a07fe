import { boundedWait } from '../bounded-wait.ts';

/** A condition variable: wakes all waiters when something changes. */
export interface Condition {
  notify(): void;
  /**
   * Resolves with the next `notify`, or after `ms`.
   * @throws the signal's reason
   */
  wait(signal: AbortSignal, ms?: number): Promise<void>;
}

export function createCondition(): Condition {
  let change = Promise.withResolvers<void>();
  return {
    notify() {
      change.resolve();
      change = Promise.withResolvers<void>();
    },
    async wait(signal, ms = Number.POSITIVE_INFINITY) {
      await boundedWait(change.promise, ms, signal);
    },
  };
}
