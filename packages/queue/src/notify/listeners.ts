/** One caller that waits for news of a job. Kept small: a gateway holds thousands. */
export interface Sleeper {
  readonly id: string;
  /** There was news, and nobody has looked yet. */
  told: boolean;
  /** Its caller has left. */
  left: boolean;
  wake: (() => void) | null;
}

/** With ten thousand callers a bucket holds ten. */
const BUCKETS = 1024;

/**
 * Those who wait for news of jobs, by job.
 *
 * A hash table of our own, whose buckets stay, and no Map: V8 leaves a Map's outgrown tables linked, each to the one that replaced it, so that
 * once one of them is old, small collections free none of the later ones, nor the entries they had. In a table that is filled and
 * emptied all the time that is every entry of all requests until the next full collection.
 */
export class Sleepers {
  readonly #buckets: Sleeper[][] = Array.from({ length: BUCKETS }, () => []);
  #size = 0;
  #closed = false;

  /** Ids somebody waits for. */
  get ids(): string[] {
    return [...new Set(this.#all().map(({ id }) => id))];
  }

  get empty(): boolean {
    return this.#size === 0;
  }

  /** Callers that have not left. */
  get size(): number {
    return this.#size;
  }

  get closed(): boolean {
    return this.#closed;
  }

  add(id: string): Sleeper {
    const sleeper: Sleeper = { id, told: false, left: false, wake: null };
    this.#bucket(id).push(sleeper);
    this.#size++;
    return sleeper;
  }

  /** The caller leaves: it is woken, and forgotten at once. */
  remove(sleeper: Sleeper): void {
    if (sleeper.left) return;
    const bucket = this.#bucket(sleeper.id);
    bucket[bucket.indexOf(sleeper)] = bucket.at(-1)!;
    bucket.pop();
    this.#size--;
    sleeper.left = true;
    sleeper.wake?.();
  }

  tell(id: string): void {
    for (const sleeper of this.#bucket(id)) if (sleeper.id === id) told(sleeper);
  }

  tellAll(): void {
    for (const sleeper of this.#all()) told(sleeper);
  }

  /** Wakes all, and lets nobody sleep any more. */
  close(): void {
    this.#closed = true;
    for (const sleeper of this.#all()) sleeper.wake?.();
  }

  /** Resolves when told, at `until` (of performance.now), when `signal` aborts, when the caller leaves or at close. */
  sleep(sleeper: Sleeper, until: number, signal?: AbortSignal): Promise<void> {
    if (sleeper.told || sleeper.left || this.#closed || signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', wake);
        sleeper.wake = null;
        resolve();
      };
      const timer = setTimeout(wake, Math.max(0, until - performance.now()));
      signal?.addEventListener('abort', wake, { once: true });
      sleeper.wake = wake;
    });
  }

  #all(): Sleeper[] {
    return this.#buckets.flat();
  }

  #bucket(id: string): Sleeper[] {
    return this.#buckets[bucketOf(id)]!;
  }
}

/** Which bucket an id belongs to, 0 to 1023: FNV-1a, for ids that differ in a few letters only. */
export function bucketOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < id.length; at++) hash = Math.imul(hash ^ id.charCodeAt(at), 0x01000193);
  // The lowest bits of a product are the least mixed.
  return (hash ^ (hash >>> 15)) & (BUCKETS - 1);
}

function told(sleeper: Sleeper): void {
  sleeper.told = true;
  sleeper.wake?.();
}
