import { startTimer } from '@facequeue/time';

/** One caller that waits for notifications about a job. Kept small: a gateway holds thousands. */
export interface Listener {
  readonly id: string;
  /** It was notified and its caller has not read since. */
  notified: boolean;
  /** It was removed. */
  removed: boolean;
  wake: (() => void) | null;
}

/** With ten thousand callers a bucket holds ten. */
const BUCKETS = 1024;

/**
 * Callers that wait for notifications, by job.
 *
 * A hash table of our own, whose buckets stay, instead of a Map: V8 leaves a Map's outgrown tables linked, each to the one that
 * replaced it. Once one of them is old, small collections free none of the later ones, nor the entries they had. In a table that is
 * filled and emptied all the time, that is every entry of all requests until the next full collection.
 */
export class Listeners {
  readonly #buckets: Listener[][] = Array.from({ length: BUCKETS }, () => []);
  #size = 0;
  #closed = false;

  /** Ids that somebody waits for. */
  get ids(): string[] {
    return [...new Set(this.#all().map(({ id }) => id))];
  }

  get empty(): boolean {
    return this.#size === 0;
  }

  /** Listeners that were not removed. */
  get size(): number {
    return this.#size;
  }

  get closed(): boolean {
    return this.#closed;
  }

  add(id: string): Listener {
    const listener: Listener = { id, notified: false, removed: false, wake: null };
    this.#bucket(id).push(listener);
    this.#size++;
    return listener;
  }

  /** Its caller leaves: it is woken, and forgotten at once. */
  remove(listener: Listener): void {
    if (listener.removed) return;
    const bucket = this.#bucket(listener.id);
    bucket[bucket.indexOf(listener)] = bucket.at(-1)!;
    bucket.pop();
    this.#size--;
    listener.removed = true;
    listener.wake?.();
  }

  notify(id: string): void {
    for (const listener of this.#bucket(id)) if (listener.id === id) notify(listener);
  }

  notifyAll(): void {
    for (const listener of this.#all()) notify(listener);
  }

  /** Wakes all. From now on no sleep lasts. */
  close(): void {
    this.#closed = true;
    for (const listener of this.#all()) listener.wake?.();
  }

  /** Resolves when notified, at `until` (of performance.now), when `signal` aborts, when removed or at close. */
  sleep(listener: Listener, until: number, signal?: AbortSignal): Promise<void> {
    if (listener.notified || listener.removed || this.#closed || signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        timer.clear();
        signal?.removeEventListener('abort', wake);
        listener.wake = null;
        resolve();
      };
      const timer = startTimer(until - performance.now(), wake);
      signal?.addEventListener('abort', wake, { once: true });
      listener.wake = wake;
    });
  }

  #all(): Listener[] {
    return this.#buckets.flat();
  }

  #bucket(id: string): Listener[] {
    return this.#buckets[bucketOf(id)]!;
  }
}

/** The bucket of an id, 0 to 1023: FNV-1a, for ids that differ in a few letters only. */
export function bucketOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < id.length; at++) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193);
  // The lowest bits of a product are the least mixed.
  return (hash ^ (hash >>> 15)) & (BUCKETS - 1);
}

function notify(listener: Listener): void {
  listener.notified = true;
  listener.wake?.();
}
