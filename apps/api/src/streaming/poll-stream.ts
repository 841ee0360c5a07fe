import type { Subscription } from '@facequeue/queue';
import { isUnavailable } from '../http/errors.ts';
import type { EventStream } from './sse.ts';

/** A heartbeat is sent after this long without a change. */
const HEARTBEAT_MS = 15_000;
/** Delay before a failed read is repeated. */
const READ_AGAIN_MS = 1000;

/**
 * Waits for a change and reads it. Sends heartbeats while it waits, and repeats the read while Redis is unreachable.
 * @param due whether to read at once, without waiting for a change
 * @returns what `read` returned; null when `signal` aborts
 */
export async function pollStream<T>(
  changes: Subscription,
  read: () => Promise<T>,
  stream: EventStream,
  signal: AbortSignal,
  due = false,
): Promise<T | null> {
  for (let readNow = due, readFailed = false; ; readNow = false) {
    const changed = readNow || (await changes.nextChange(readFailed ? READ_AGAIN_MS : HEARTBEAT_MS, signal));
    if (signal.aborted) return null;
    if (!changed) stream.heartbeat();
    if (!changed && !readFailed) continue;
    try {
      return await read();
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      readFailed = true;
    }
  }
}
