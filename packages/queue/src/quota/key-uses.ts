import { randomUUID } from 'node:crypto';
import { repeat } from '@facequeue/time';
import { redisNow } from '../redis/clock.ts';
import type { Connections } from '../redis/connections.ts';
import { defineScript, isOne, list, number, text } from '../redis/define-script.ts';
import { mapRedisErrors } from '../redis/errors.ts';

/** How often what was counted is added up in Redis. */
const FLUSH_EVERY_MS = 2000;

/** How an owner has used its key, over all gateways; zeros and null for one that has not within 90 days. */
export interface KeyUse {
  /** Calls that were answered, those that were refused included. */
  calls: number;
  /** Calls refused because a limit of the key was reached. */
  refused: number;
  /** Unix milliseconds of the last call. */
  lastCallAt: number | null;
  /** Calls that count as in progress: only those of a key with such a limit. */
  inProgress: number;
}

const useScript = defineScript({
  file: new URL('./use.lua', import.meta.url),
  args: {
    gateway: text,
    report: number,
    uses: list({ owner: text, calls: number, refused: number, lastCallAt: number }),
  },
  reply: isOne,
});

/** What was counted between two flushes. */
interface Report {
  /** 1 for the first one of this process. */
  number: number;
  uses: { owner: string; calls: number; refused: number; lastCallAt: number }[];
}

/**
 * Counts the calls of each owner in this process, and adds them up in Redis every two seconds. A report is repeated until Redis has replied,
 * and is added once.
 */
export class KeyUses {
  readonly #connections: Connections;
  readonly #flushes: Disposable;
  readonly #gateway = randomUUID();
  #counted = new Map<string, Report['uses'][number]>();
  /** The report to send next. */
  #report: Report = { number: 0, uses: [] };
  /** Ends with the last flush that was begun; never rejects. */
  #flushed: Promise<unknown> = Promise.resolve();

  constructor(connections: Connections) {
    this.#connections = connections;
    this.#flushes = repeat(() => this.#flush().catch(connections.onError), FLUSH_EVERY_MS);
  }

  /** Counts a call that has been answered. */
  count(owner: string, refused: boolean): void {
    const use = this.#counted.get(owner) ?? { owner, calls: 0, refused: 0, lastCallAt: 0 };
    use.calls += 1;
    use.refused += refused ? 1 : 0;
    use.lastCallAt = Date.now();
    this.#counted.set(owner, use);
  }

  /** The uses of owners, in their order. @throws unavailable */
  read(owners: readonly string[]): Promise<KeyUse[]> {
    const { redis, keys } = this.#connections;
    return mapRedisErrors(async () => {
      await this.#flush();
      const now = await redisNow(redis);
      return await Promise.all(
        owners.map(async (owner) => {
          const [use, inProgress] = await Promise.all([
            redis.hmget(keys.use(owner), 'calls', 'refused', 'lastCallAt'),
            redis.zcount(keys.calls(owner), now, '+inf'),
          ]);
          const [calls, refused, lastCallAt] = use.map(Number);
          return { calls: calls!, refused: refused!, lastCallAt: lastCallAt || null, inProgress };
        }),
      );
    });
  }

  /** Adds up what is left. */
  async close(): Promise<void> {
    this.#flushes[Symbol.dispose]();
    await this.#flush().catch(this.#connections.onError);
  }

  /** Sends what has been counted so far, after all flushes that were begun before. */
  #flush(): Promise<void> {
    const flush = this.#flushed.then(() => this.#send());
    this.#flushed = flush.catch(() => {});
    return flush;
  }

  async #send(): Promise<void> {
    if (this.#connections.redis.status !== 'ready') return;
    // What could not be sent before goes first, as it was: Redis may have added it.
    await this.#sendReport();
    if (this.#counted.size === 0) return;
    this.#report = { number: this.#report.number + 1, uses: [...this.#counted.values()] };
    this.#counted = new Map();
    await this.#sendReport();
  }

  async #sendReport(): Promise<void> {
    const { number, uses } = this.#report;
    if (uses.length === 0) return;
    await this.#connections.scripts.run(useScript, { gateway: this.#gateway, report: number, uses });
    this.#report = { number, uses: [] };
  }
}
