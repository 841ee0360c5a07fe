import type { Redis } from 'ioredis';

/** Everything an installation has in Redis, by key: what a call that must write nothing leaves as it is. */
export async function dump(raw: Redis, prefix: string): Promise<Record<string, unknown>> {
  const read: Record<string, (key: string) => Promise<unknown>> = {
    hash: (key) => raw.hgetall(key),
    list: (key) => raw.lrange(key, 0, -1),
    set: async (key) => (await raw.smembers(key)).sort(),
    zset: (key) => raw.zrange(key, 0, '-1', 'WITHSCORES'),
    stream: (key) => raw.xrange(key, '-', '+'),
    string: (key) => raw.get(key),
  };
  const keys = await raw.keys(`${prefix}:*`);
  const values = await Promise.all(keys.map(async (key) => [key, await read[await raw.type(key)]!(key)] as const));
  return Object.fromEntries(values);
}
