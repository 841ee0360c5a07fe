import { ConfigError } from '@facequeue/schema/config';
import type { Redis } from 'ioredis';

/** `ZRANGE ... BYSCORE` and what BullMQ recommends. */
const OLDEST = [6, 2] as const;

/**
 * Refuses a Redis that would lose jobs or cannot run the scripts.
 * @throws ConfigError saying what to change
 */
export async function checkServer(redis: Redis): Promise<void> {
  const info = await redis.info();
  const value = (name: string) => new RegExp(`^${name}:(.*)$`, 'm').exec(info)?.[1]?.trim() ?? '';
  const version = value('redis_version');
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    throw new ConfigError(`Redis is ${version}; expected ${OLDEST.join('.')} or newer`);
  }
  // The other policies evict keys with a time to live only, and none of ours has one.
  const policy = value('maxmemory_policy');
  if (policy.startsWith('allkeys')) {
    throw new ConfigError(`Redis has maxmemory-policy ${policy}, which drops jobs; expected noeviction`);
  }
}
