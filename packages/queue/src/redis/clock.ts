import type { Redis } from 'ioredis';

/** Unix milliseconds of Redis' clock, the only one that counts. */
export async function redisNow(redis: Redis): Promise<number> {
  const [seconds, micros] = await redis.time();
  return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
}
