import { isTerminal } from '@facequeue/schema';
import type { JobRecord, Wait } from '../contract.ts';
import { within } from '../redis/within.ts';

/** A read that failed is tried again after this, besides on every reconnect. */
const READ_AGAIN_MS = 1000;
/** The last read, at the deadline, is given up after this. */
const LAST_READ_MS = 1000;

/** One wait, asleep or not. Kept small: a gateway holds thousands. */
interface Sleeper {
  /** Somebody said that the job has ended, and nobody has looked yet. */
  told: boolean;
  /** Disposed of, or the process closes: answers null at once. */
  over: boolean;
  wake: (() => void) | null;
}

/**
 * The waits of one process. It sleeps on announcements and trusts none of them alone: whoever hears of an end reads the
 * record, every reconnect looks at all jobs waited for, and a deadline ends with a last look.
 */
export class Waiter {
  readonly #sleepers = new Map<string, Sleeper[]>();
  readonly #read: (id: string) => Promise<JobRecord | null>;

  constructor(read: (id: string) => Promise<JobRecord | null>) {
    this.#read = read;
  }

  /** Ids somebody waits for. */
  get ids(): string[] {
    return [...this.#sleepers.keys()];
  }

  /** The job is said to have ended. */
  tell(id: string): void {
    for (const sleeper of this.#sleepers.get(id) ?? []) {
      sleeper.told = true;
      sleeper.wake?.();
    }
  }

  wait(id: string): Wait {
    const sleeper: Sleeper = { told: false, over: false, wake: null };
    const others = this.#sleepers.get(id);
    if (others) others.push(sleeper);
    else this.#sleepers.set(id, [sleeper]);
    return {
      ended: (ms, signal) => this.#ended(id, sleeper, ms, signal),
      [Symbol.dispose]: () => this.#forget(id, sleeper),
    };
  }

  /** Ends every wait with null. */
  close(): void {
    for (const sleepers of this.#sleepers.values()) for (const sleeper of sleepers) dismiss(sleeper);
  }

  async #ended(id: string, sleeper: Sleeper, ms: number, signal?: AbortSignal): Promise<JobRecord | null> {
    const deadline = performance.now() + ms;
    let readAgain = Number.POSITIVE_INFINITY;
    for (;;) {
      await this.#sleep(sleeper, Math.min(deadline, readAgain), signal);
      if (signal?.aborted || sleeper.over) return null;
      const late = performance.now() >= deadline;
      sleeper.told = false;
      try {
        const record = await (late ? within(LAST_READ_MS, this.#read(id)) : this.#read(id));
        if (record && isTerminal(record.status)) return record;
        if (late || !record) return null;
        readAgain = Number.POSITIVE_INFINITY;
      } catch (error) {
        if (late) throw error;
        readAgain = performance.now() + READ_AGAIN_MS;
      }
    }
  }

  /** Resolves when told, at `until` (of performance.now), when `signal` aborts or the wait is over. */
  #sleep(sleeper: Sleeper, until: number, signal?: AbortSignal): Promise<void> {
    if (sleeper.told || sleeper.over || signal?.aborted) return Promise.resolve();
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

  #forget(id: string, sleeper: Sleeper): void {
    dismiss(sleeper);
    const left = (this.#sleepers.get(id) ?? []).filter((other) => other !== sleeper);
    if (left.length) this.#sleepers.set(id, left);
    else this.#sleepers.delete(id);
  }
}

function dismiss(sleeper: Sleeper): void {
  sleeper.over = true;
  sleeper.wake?.();
}
