import { isFacequeueError, isTerminal } from '@facequeue/schema';
import type { JobRecord } from '../job/job.ts';
import { orUnavailable } from '../redis/errors.ts';
import { type Listener, Listeners } from './listeners.ts';

/** A read that failed is repeated after this, besides on every reconnect. */
const READ_AGAIN_MS = 1000;
/** How long the last read, at the deadline, may take. */
const LAST_READ_MS = 1000;

/**
 * A wait for one job's end. For a job that may have ended before it began (a replay), begin it, then `read`. Disposing it frees it at
 * once; an `ended` in progress then returns null.
 */
export interface CompletionWait extends Disposable {
  /**
   * @param ms how long to wait
   * @returns the ended record, or null when `ms` passed or `signal` aborted first
   * @throws gone when the job was erased before its end could be read, unavailable when Redis cannot be reached at the end of `ms`
   */
  ended(ms: number, signal?: AbortSignal): Promise<JobRecord | null>;
}

/**
 * The waits of one process. They sleep until they are notified, and trust no message alone: a wait that is notified reads the record,
 * every reconnect checks all jobs that are waited for, and a deadline ends with a last read.
 */
export class CompletionWaits {
  readonly #listeners = new Listeners();
  readonly #read: (id: string) => Promise<JobRecord | null>;

  /** @param read the record, null when there is none (yet); throws `gone` when the job was erased */
  constructor(read: (id: string) => Promise<JobRecord | null>) {
    this.#read = read;
  }

  /** Ids that somebody waits for. */
  get ids(): string[] {
    return this.#listeners.ids;
  }

  /** Waits that have not been disposed. */
  get size(): number {
    return this.#listeners.size;
  }

  /** The job may have ended. */
  notify(id: string): void {
    this.#listeners.notify(id);
  }

  wait(id: string): CompletionWait {
    const listener = this.#listeners.add(id);
    return {
      ended: (ms, signal) => this.#ended(listener, ms, signal),
      [Symbol.dispose]: () => this.#listeners.remove(listener),
    };
  }

  /** Ends every wait with null. */
  close(): void {
    this.#listeners.close();
  }

  async #ended(listener: Listener, ms: number, signal?: AbortSignal): Promise<JobRecord | null> {
    const deadline = performance.now() + ms;
    let readAgain = Number.POSITIVE_INFINITY;
    for (;;) {
      await this.#listeners.sleep(listener, Math.min(deadline, readAgain), signal);
      if (signal?.aborted || listener.removed || this.#listeners.closed) return null;
      const late = performance.now() >= deadline;
      listener.notified = false;
      try {
        const record = await (late ? orUnavailable(this.#read(listener.id), LAST_READ_MS) : this.#read(listener.id));
        if (record && isTerminal(record.status)) return record;
        if (late) return null;
        readAgain = Number.POSITIVE_INFINITY;
      } catch (error) {
        if (late || (isFacequeueError(error) && error.code === 'gone')) throw error;
        readAgain = performance.now() + READ_AGAIN_MS;
      }
    }
  }
}
