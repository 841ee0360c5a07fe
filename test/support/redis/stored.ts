import { Redis } from 'ioredis';

/** What Redis stores under a prefix: the value of each key as text. How long a key still lives is not part of it. */
export async function stored(redisUrl: string, prefix: string): Promise<Record<string, string>> {
  const redis = new Redis(redisUrl);
  try {
    const keys = await redis.keys(`${prefix.replaceAll(/[*?[\]\\]/g, String.raw`\$&`)}*`);
    const values = await Promise.all(keys.sort().map((key) => textOf(redis, key)));
    return Object.fromEntries(keys.map((key, i) => [key.slice(prefix.length), values[i]!]));
  } finally {
    redis.disconnect();
  }
}

async function textOf(redis: Redis, key: string): Promise<string> {
  switch (await redis.type(key)) {
    case 'string':
      return (await redis.getBuffer(key))?.toString('latin1') ?? '';
    case 'hash':
      return JSON.stringify(Object.entries(await redis.hgetall(key)).sort());
    case 'list':
      return JSON.stringify(await redis.lrange(key, 0, -1));
    case 'set':
      return JSON.stringify((await redis.smembers(key)).sort());
    case 'zset':
      return JSON.stringify(await redis.zrange(key, '0', '-1', 'WITHSCORES'));
    case 'stream':
      return JSON.stringify(await redis.xrange(key, '-', '+'));
    default:
      return '';
  }
}
