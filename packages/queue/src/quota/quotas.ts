import { randomUUID } from 'node:crypto';
import { repeat } from '@facequeue/time';
import type { Connections } from '../redis/connections.ts';
import { defineScript, isOne, list, number, optional, text } from '../redis/define-script.ts';
import { mapRedisErrors } from '../redis/errors.ts';

/** A third of a lease: one lost renewal ends none. */
const RENEW_EVERY_MS = 4000;
/** Leases renewed in one step: it occupies Redis for about a millisecond. */
const RENEW_CHUNK = 500;

/** How often an owner may call. */
export interface CallRate {
  /** Calls in a period, on average. */
  requests: number;
  periodMs: number;
  /** Calls that may come at once after a pause. */
  burst: number;
}

/** What an owner's calls may use, over all gateways together. */
export interface CallLimits {
  rate: CallRate | null;
  /** Calls in progress at a time. */
  concurrent: number | null;
}

/** The answer to a call. */
export interface CallQuota {
  /** The limit that refuses the call; null when it may go on. */
  refusedBy: 'rate' | 'concurrent' | null;
  /** How many calls may come at once now; 0 without a rate. */
  rateLeft: number;
  /** Milliseconds until a whole burst may come at once. */
  rateFullMs: number;
  /** How many more calls may be in progress; 0 without such a limit. */
  concurrentLeft: number;
  /** Milliseconds after which to try again; 0 when the call may go on. */
  retryAfterMs: number;
  /** The call has ended: it is no longer in progress. */
  release(): void;
}

export const takeScript = defineScript({
  file: new URL('./take.lua', import.meta.url),
  args: {
    owner: text,
    intervalUs: optional(number),
    burst: optional(number),
    concurrent: optional(number),
    lease: text,
  },
  reply: (reply: ['' | 'rate' | 'concurrent', number, number, number, number]) => reply,
});

export const renewScript = defineScript({
  file: new URL('./renew.lua', import.meta.url),
  args: { owner: text, calls: list({ name: text }) },
  reply: isOne,
});

/** Counts the calls of owners with limits, and how many of them are in progress. */
export class Quotas {
  readonly #connections: Connections;
  /** Calls in progress, and whose they are. */
  readonly #leases = new Map<string, string>();
  readonly #renewals: Disposable;
  readonly #gateway = randomUUID();
  #calls = 0;

  constructor(connections: Connections) {
    this.#connections = connections;
    this.#renewals = repeat(() => this.#renew().catch(connections.onError), RENEW_EVERY_MS);
  }

  /**
   * Lets a call of an owner in, or refuses it, in one step for all gateways. Release what it returns when the call has ended. Should this
   * process be killed, its calls count for at most another 12 s.
   * @throws unavailable
   */
  async take(owner: string, { rate, concurrent }: CallLimits): Promise<CallQuota> {
    const name = `${this.#gateway}-${this.#calls++}`;
    const [refusedBy, rateLeft, rateFullMs, concurrentLeft, retryAfterMs] = await mapRedisErrors(() =>
      this.#connections.scripts.run(takeScript, {
        owner,
        intervalUs: rate && (rate.periodMs * 1000) / rate.requests,
        burst: rate?.burst,
        concurrent,
        lease: name,
      }),
    );
    const leased = refusedBy === '' && concurrent !== null;
    if (leased) this.#leases.set(name, owner);
    return {
      refusedBy: refusedBy || null,
      rateLeft,
      rateFullMs,
      concurrentLeft,
      retryAfterMs,
      release: () => leased && this.#release(owner, name),
    };
  }

  [Symbol.dispose](): void {
    this.#renewals[Symbol.dispose]();
  }

  #release(owner: string, name: string): void {
    if (!this.#leases.delete(name)) return;
    const { redis, keys } = this.#connections;
    // If this fails, the lease ends by itself.
    redis.zrem(keys.calls(owner), name).catch(() => {});
  }

  async #renew(): Promise<void> {
    const { redis, scripts } = this.#connections;
    if (redis.status !== 'ready') return;
    for (const [owner, leases] of Map.groupBy(this.#leases, ([, owner]) => owner)) {
      for (let at = 0; at < leases.length; at += RENEW_CHUNK) {
        // What has been released meanwhile must not be leased again.
        const calls = leases.slice(at, at + RENEW_CHUNK).filter(([name]) => this.#leases.has(name));
        await scripts.run(renewScript, { owner, calls: calls.map(([name]) => ({ name })) });
      }
    }
  }
}
