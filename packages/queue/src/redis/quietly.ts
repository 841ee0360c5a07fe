/** The same message again within this is not reported again: an outage is one report, not one a retry. */
const AGAIN_MS = 30_000;

/**
 * Passes errors on, each message once in a while.
 * @param clock milliseconds
 */
export function quietly(onError: (error: Error) => void, clock = () => performance.now()): (error: Error) => void {
  const reported = new Map<string, number>();
  return (error) => {
    const now = clock();
    for (const [message, at] of reported) if (now - at >= AGAIN_MS) reported.delete(message);
    if (reported.has(error.message)) return;
    reported.set(error.message, now);
    onError(error);
  };
}
