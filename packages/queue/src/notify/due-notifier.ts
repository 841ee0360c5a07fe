import type { Redis } from 'ioredis';

/** Tells listeners that leased work, a webhook or a task, may have become due; there may be none. */
export class DueNotifier {
  readonly #redis: Redis;
  readonly #key: string;
  readonly #listeners = new Set<() => void>();

  /** @param key exists while there is such work, due or not */
  constructor(redis: Redis, key: string) {
    this.#redis = redis;
    this.#key = key;
  }

  /** @returns removes the listener */
  add(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  notify(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Notifies if there is such work: retries become due, and leases end, without a message. */
  async notifyIfAny(): Promise<void> {
    if (this.#listeners.size && (await this.#redis.exists(this.#key))) this.notify();
  }
}
