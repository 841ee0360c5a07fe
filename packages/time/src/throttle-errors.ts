/** An outage is reported once in this time, not once for each attempt to reconnect. */
const REPORT_EVERY_MS = 30_000;

/**
 * Passes errors on to `report`, each message at most once in `everyMs`.
 * @param now milliseconds
 * @example
 * redis.on('error', throttleErrors((error) => log.warn({ err: error }, 'redis error')));
 */
export function throttleErrors(
  report: (error: Error) => void,
  everyMs: number = REPORT_EVERY_MS,
  now: () => number = () => performance.now(),
): (error: Error) => void {
  const reportedAt = new Map<string, number>();
  return (error) => {
    const time = now();
    for (const [message, at] of reportedAt) if (time - at >= everyMs) reportedAt.delete(message);
    if (reportedAt.has(error.message)) return;
    reportedAt.set(error.message, time);
    report(error);
  };
}
