import { type Sleeper, Sleepers } from './listeners.ts';

/** Those who follow jobs in this process. What has changed they read themselves. */
export class Follower {
  readonly #sleepers = new Sleepers();
  readonly #listen: (on: boolean) => void;

  /** @param listen begins and ends listening to changes: there is somebody to hear them, or nobody any more */
  constructor(listen: (on: boolean) => void) {
    this.#listen = listen;
  }

  get idle(): boolean {
    return this.#sleepers.empty;
  }

  /** Follows that have not been freed. */
  get size(): number {
    return this.#sleepers.size;
  }

  subscribe(id: string): Subscription {
    if (this.#sleepers.empty) this.#listen(true);
    const sleeper = this.#sleepers.add(id);
    return {
      nextChange: (ms, signal) => this.#changed(sleeper, ms, signal),
      [Symbol.dispose]: () => {
        if (sleeper.left) return;
        this.#sleepers.remove(sleeper);
        if (this.#sleepers.empty) this.#listen(false);
      },
    };
  }

  /** The job is said to have changed. */
  tell(id: string): void {
    this.#sleepers.tell(id);
  }

  /** Changes may have been missed. */
  tellAll(): void {
    this.#sleepers.tellAll();
  }

  close(): void {
    this.#sleepers.close();
  }

  async #changed(sleeper: Sleeper, ms: number, signal?: AbortSignal): Promise<boolean> {
    await this.#sleepers.sleep(sleeper, performance.now() + ms, signal);
    const woken = sleeper.told || sleeper.left || this.#sleepers.closed || signal?.aborted === true;
    sleeper.told = false;
    return woken;
  }
}
