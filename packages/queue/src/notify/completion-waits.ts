import { isFacequeueError, isTerminal } from '@facequeue/schema';
import type { JobRecord } from '../job/job.ts';
import { within } from '../redis/within.ts';
import { type Sleeper, Sleepers } from './listeners.ts';

/** A read that failed is tried again after this, besides on every reconnect. */
const READ_AGAIN_MS = 1000;
/** The last read, at the deadline, is given up after this. */
const LAST_READ_MS = 1000;

/**
 * The waits of one process. It sleeps on announcements and trusts none of them alone: whoever hears of an end reads the
 * record, every reconnect looks at all jobs waited for, and a deadline ends with a last look.
 */
export class Waiter {
  readonly #sleepers = new Sleepers();
  readonly #read: (id: string) => Promise<JobRecord | null>;

  /** @param read the record, null when there is none (yet); throws `gone` when the job was erased */
  constructor(read: (id: string) => Promise<JobRecord | null>) {
    this.#read = read;
  }

  /** Ids somebody waits for. */
  get ids(): string[] {
    return this.#sleepers.ids;
  }

  /** Waits that have not been freed. */
  get size(): number {
    return this.#sleepers.size;
  }

  /** The job is said to have ended. */
  tell(id: string): void {
    this.#sleepers.tell(id);
  }

  wait(id: string): CompletionWait {
    const sleeper = this.#sleepers.add(id);
    return {
      ended: (ms, signal) => this.#ended(sleeper, ms, signal),
      [Symbol.dispose]: () => this.#sleepers.remove(sleeper),
    };
  }

  /** Ends every wait with null. */
  close(): void {
    this.#sleepers.close();
  }

  async #ended(sleeper: Sleeper, ms: number, signal?: AbortSignal): Promise<JobRecord | null> {
    const deadline = performance.now() + ms;
    let readAgain = Number.POSITIVE_INFINITY;
    for (;;) {
      await this.#sleepers.sleep(sleeper, Math.min(deadline, readAgain), signal);
      if (signal?.aborted || sleeper.left || this.#sleepers.closed) return null;
      const late = performance.now() >= deadline;
      sleeper.told = false;
      try {
        const record = await (late ? within(LAST_READ_MS, this.#read(sleeper.id)) : this.#read(sleeper.id));
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
