import { repeat, throttleErrors } from '@facequeue/time';
import type { Redis } from 'ioredis';
import { openConnection } from '../redis/connection.ts';
import { withoutCommand } from '../redis/errors.ts';
import { keysOf } from '../redis/keys.ts';
import { REWRITE_EVERY_MS, type Rewrite, rewriteIsDue } from './rewrite-schedule.ts';

/** How often it looks whether something was erased, and whether a rewrite has ended, ms. */
const CHECK_EVERY_MS = 1000;

export interface LogRewriterOptions {
  url: string;
  prefix: string;
  /** Least time between the starts of two rewrites, ms. */
  everyMs?: number;
  onError: (error: Error) => void;
}

/**
 * Makes Redis rewrite its append-only file after erasures, so that erased images and results are in no file either: about a minute
 * later, or 20 times what the last rewrite took. For whoever owns the server; a server that others use has an owner of its own.
 * Redis may be restarted meanwhile.
 * @throws unavailable when Redis does not answer within 10 s
 * @example
 * await using rewriter = await openLogRewriter({ url, prefix: '{fq}', onError });
 */
export async function openLogRewriter({
  url,
  prefix,
  everyMs = REWRITE_EVERY_MS,
  onError,
}: LogRewriterOptions): Promise<AsyncDisposable> {
  const report = throttleErrors(onError);
  const connection = await openConnection(url, 'gateway', () => {});
  const log = new RewrittenLog(connection.redis, keysOf(prefix).stats, everyMs);
  const repeated = repeat(async () => {
    if (connection.redis.status !== 'ready') return;
    await log.check().catch((error) => {
      // While Redis restarts, it looks again later.
      if (connection.redis.status === 'ready') report(withoutCommand(error));
    });
  }, CHECK_EVERY_MS);
  return {
    async [Symbol.asyncDispose]() {
      repeated[Symbol.dispose]();
      await connection.close();
    },
  };
}

/** A rewrite in progress. */
interface Running {
  startedAt: number;
  erasures: number;
  /** The process of Redis that does it. */
  runId: string;
}

/** The append-only file of a Redis. */
class RewrittenLog {
  readonly #redis: Redis;
  readonly #stats: string;
  readonly #everyMs: number;
  #last: Rewrite | null = null;
  #running: Running | null = null;

  constructor(redis: Redis, stats: string, everyMs: number) {
    this.#redis = redis;
    this.#stats = stats;
    this.#everyMs = everyMs;
  }

  /** Starts a rewrite when one is due, and notices the end of one. */
  async check(): Promise<void> {
    const now = performance.now();
    if (this.#running) return this.#checkEnd(now, this.#running);
    const [erasures, rewritten] = (await this.#redis.hmget(this.#stats, 'erasures', 'rewrittenErasures')).map(Number);
    // An earlier process has rewritten the file since the last erasure.
    if (!this.#last && rewritten === erasures) {
      this.#last = { startedAt: Number.NEGATIVE_INFINITY, tookMs: 0, erasures: erasures! };
    }
    if (!rewriteIsDue(this.#last, erasures!, now, this.#everyMs)) return;
    const runId = fieldOf(await this.#redis.info('server'), 'run_id');
    try {
      await this.#redis.bgrewriteaof();
    } catch (error) {
      // Redis began one by itself, maybe before the last erasure.
      if (/already in progress/.test(String(error))) return;
      throw error;
    }
    this.#running = { startedAt: now, erasures: erasures!, runId };
  }

  async #checkEnd(now: number, running: Running): Promise<void> {
    const info = await this.#redis.info();
    const sameProcess = fieldOf(info, 'run_id') === running.runId;
    const goesOn = ['aof_rewrite_in_progress', 'aof_rewrite_scheduled'].some((name) => fieldOf(info, name) !== '0');
    if (sameProcess && goesOn) return;
    this.#running = null;
    const done = sameProcess && fieldOf(info, 'aof_last_bgrewrite_status') === 'ok';
    const { startedAt, erasures } = running;
    // One that failed is repeated at the same pace.
    this.#last = { startedAt, tookMs: now - startedAt, erasures: done ? erasures : -1 };
    if (done) await this.#redis.hset(this.#stats, 'rewrittenErasures', erasures);
    else if (sameProcess) {
      throw new Error(
        'the append-only file could not be rewritten, so erased images are still in it; is the disk full?',
      );
    }
  }
}

const fieldOf = (info: string, name: string) => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1] ?? '';
