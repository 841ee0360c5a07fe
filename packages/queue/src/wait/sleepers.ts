/** One caller that waits for news of a job. Kept small: a gateway holds thousands. */
export interface Sleeper {
  /** There was news, and nobody has looked yet. */
  told: boolean;
  /** Its caller has left. */
  left: boolean;
  wake: (() => void) | null;
}

/** Those who wait for news of jobs, by job. */
export class Sleepers {
  readonly #byId = new Map<string, Sleeper[]>();
  #size = 0;
  #closed = false;

  /** Ids somebody waits for. */
  get ids(): string[] {
    return [...this.#byId.keys()];
  }

  get empty(): boolean {
    return this.#byId.size === 0;
  }

  /** Callers that have not left. */
  get size(): number {
    return this.#size;
  }

  get closed(): boolean {
    return this.#closed;
  }

  add(id: string): Sleeper {
    const sleeper: Sleeper = { told: false, left: false, wake: null };
    const others = this.#byId.get(id);
    if (others) others.push(sleeper);
    else this.#byId.set(id, [sleeper]);
    this.#size++;
    return sleeper;
  }

  /** The caller leaves: it is woken, and forgotten at once. */
  remove(id: string, sleeper: Sleeper): void {
    const others = (this.#byId.get(id) ?? []).filter((other) => other !== sleeper);
    if (others.length) this.#byId.set(id, others);
    else this.#byId.delete(id);
    if (!sleeper.left) this.#size--;
    sleeper.left = true;
    sleeper.wake?.();
  }

  tell(id: string): void {
    for (const sleeper of this.#byId.get(id) ?? []) {
      sleeper.told = true;
      sleeper.wake?.();
    }
  }

  tellAll(): void {
    for (const id of this.ids) this.tell(id);
  }

  /** Wakes all, and lets nobody sleep any more. */
  close(): void {
    this.#closed = true;
    for (const sleepers of this.#byId.values()) for (const sleeper of sleepers) sleeper.wake?.();
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
}
