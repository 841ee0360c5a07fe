import type { Logger } from 'pino';

/** The same trouble is not told again within this time, ms: a lost Redis says so at every attempt to reconnect. */
const AGAIN_MS = 30_000;

/**
 * Logs background trouble, each message once in a while.
 * @param clock milliseconds
 */
export function throttleErrors(log: Logger, clock = () => performance.now()): (error: Error) => void {
  const told = new Map<string, number>();
  return (error) => {
    const now = clock();
    for (const [message, at] of told) if (now - at >= AGAIN_MS) told.delete(message);
    if (told.has(error.message)) return;
    told.set(error.message, now);
    log.warn({ err: error }, 'queue trouble');
  };
}
