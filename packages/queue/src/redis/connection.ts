/** Opening connections to Redis, and noticing those on which nothing answers any more. */

import { exponentialBackoff } from '@facequeue/time';
import { Redis, type RedisOptions } from 'ioredis';
import { publicError, withoutCommand } from './errors.ts';

/** PING every 5 s; a connection that has not answered within 2 s is cut, so that ioredis makes a new one. */
const PING_EVERY_MS = 5000;
/** A Redis that takes longer to answer PING counts as unreachable. */
export const PING_TIMEOUT_MS = 2000;

/** Quick at first, never slower than every second: a restart of Redis takes about that. */
const reconnectDelay = exponentialBackoff({ firstMs: 100, maxMs: 1000 });

const COMMON: RedisOptions = {
  lazyConnect: true,
  connectTimeout: 5000,
  disconnectTimeout: 200,
  // A quarter more or less, so that all processes do not come back at once.
  retryStrategy: (failures) => reconnectDelay(failures) * (0.75 + Math.random() / 2),
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
  watch.unref();
  const close = async () => {
    clearInterval(watch);
    redis.disconnect();
  };
  return { redis, close, [Symbol.asyncDispose]: close };
}

function ready(redis: Redis, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`Redis was not ready within ${timeoutMs} ms`)), timeoutMs);
    redis.once('ready', () => {
      clearTimeout(timer);
      resolve();
    });
    // It rejects with the first failed attempt; ioredis continues to try.
    redis.connect().catch(() => {});
  });
}

async function reconnectIfSilent(redis: Redis): Promise<void> {
  if (redis.status !== 'ready') return;
  const timer = setTimeout(() => redis.disconnect(true), PING_TIMEOUT_MS);
  // A PING that fails means that the connection is gone already.
  await redis.ping().catch(() => {});
  clearTimeout(timer);
}
