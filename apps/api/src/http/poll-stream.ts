import type { Subscription } from '@facequeue/queue';
import type { EventStream } from './sse.ts';
import { isUnavailable } from './unavailable.ts';

/** A sign of life at least this often. */
const HEARTBEAT_MS = 15_000;
/** What could not be read is looked at again after this. */
const READ_AGAIN_MS = 1000;

/**
 * Reads what is followed when it may have changed, however long Redis is away. Meanwhile it keeps the stream alive.
 * @param due whether there is something to read already
 * @returns null when `signal` aborts
 */
export async function pollStream<T>(
  changes: Subscription,
  read: () => Promise<T>,
  stream: EventStream,
  signal: AbortSignal,
  due = false,
): Promise<T | null> {
  for (let known = due, unread = false; ; known = false) {
    const told = known || (await changes.nextChange(unread ? READ_AGAIN_MS : HEARTBEAT_MS, signal));
    if (signal.aborted) return null;
    if (!told) stream.comment();
    if (!told && !unread) continue;
    try {
      return await read();
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      unread = true;
    }
  }
}
