/** Opening connections to Redis, and noticing those on which nothing answers any more. */

import { exponentialBackoff, settlesInTime, withTimeout } from '@facequeue/time';
import { Redis, type RedisOptions } from 'ioredis';
import { publicError, withoutCommand } from './errors.ts';

/** PING every 5 s; a connection that has not answered within 2 s is cut, so that ioredis makes a new one. */
const PING_EVERY_MS = 5000;
/** A Redis that takes longer to answer PING counts as unreachable. */
export const PING_TIMEOUT_MS = 2000;

/**
 * Quick at first, never much slower than every second: a restart of Redis takes about that. The jitter keeps processes from all
 * coming back at once.
 */
const reconnectDelay = exponentialBackoff({ firstMs: 125, maxMs: 1250, jitter: 0.4 });

const COMMON: RedisOptions = {
  lazyConnect: true,
  connectTimeout: 5000,
  disconnectTimeout: 200,
  retryStrategy: (failures) => reconnectDelay(failures),
  // A replica that was primary, or a server still loading: another connection may find it ready.
  reconnectOnError: (error) => error.message.startsWith('READONLY'),
};

/**
 * gateway: fails at once when Redis is unreachable, whether or not the command was sent.
 * worker: commands wait for Redis and are sent again; every script is idempotent. BullMQ's Worker needs this too.
 * subscriber: as worker. Its owner subscribes on every `ready`: ioredis would do so by itself, but nothing would catch its failure.
 */
const KINDS = {
  gateway: { enableOfflineQueue: false, maxRetriesPerRequest: 0, commandTimeout: 5000 },
  worker: { maxRetriesPerRequest: null },
  subscriber: { maxRetriesPerRequest: null, autoResubscribe: false },
} as const satisfies Record<string, RedisOptions>;

export interface Connection extends AsyncDisposable {
  readonly redis: Redis;
  close(): Promise<void>;
}

/**
 * Opens a connection and waits until it is ready.
 * @param onError called with every later error; none needs handling, calls fail or wait by themselves
 * @throws unavailable when Redis is not ready within `timeoutMs`
 */
export async function openConnection(
  url: string,
  kind: keyof typeof KINDS,
  onError: (error: Error) => void,
  timeoutMs = 10_000,
): Promise<Connection> {
  const redis = new Redis(url, { ...COMMON, ...KINDS[kind], connectionName: `facequeue-${kind}` });
  let lastError: Error | undefined;
  redis.on('error', (error: Error) => {
    lastError = withoutCommand(error);
    onError(lastError);
  });
  try {
    await ready(redis, timeoutMs);
  } catch (error) {
    redis.disconnect();
    throw publicError(lastError ?? error);
  }
  const watch = setInterval(() => void reconnectIfSilent(redis), PING_EVERY_MS);
  const close = async () => {
    clearInterval(watch);
    redis.disconnect();
  };
  return { redis, close, [Symbol.asyncDispose]: close };
}

function ready(redis: Redis, timeoutMs: number): Promise<void> {
  const becameReady = new Promise<void>((resolve) => redis.once('ready', resolve));
  // It rejects with the first failed attempt; ioredis continues to try.
  redis.connect().catch(() => {});
  return withTimeout(becameReady, timeoutMs, () => new Error(`Redis was not ready within ${timeoutMs} ms`));
}

/**
 * A PING that fails counts as answered: the connection is gone already. One that is being made (`connect`) is asked as well: it waits for
 * the reply to its first command, for which ioredis has no limit.
 */
async function reconnectIfSilent(redis: Redis): Promise<void> {
  if (redis.status !== 'ready' && redis.status !== 'connect') return;
  if (!(await settlesInTime(redis.ping(), PING_TIMEOUT_MS))) redis.disconnect(true);
}
