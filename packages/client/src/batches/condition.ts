/** A condition variable: wakes everyone who waits for something to change. */
export function createCondition() {
  let change = Promise.withResolvers<void>();
  return {
    notify() {
      change.resolve();
      change = Promise.withResolvers<void>();
    },
    /**
     * Resolves with the next change, or when `ms` have passed.
     * @throws the signal's reason
     */
    async wait(signal: AbortSignal, ms = Number.POSITIVE_INFINITY): Promise<void> {
      signal.throwIfAborted();
      const over = Promise.withResolvers<void>();
      const onAbort = () => over.reject(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      const timer = Number.isFinite(ms) ? setTimeout(over.resolve, ms) : undefined;
      void change.promise.then(over.resolve);
      try {
        await over.promise;
      } finally {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
      }
    },
  };
}
