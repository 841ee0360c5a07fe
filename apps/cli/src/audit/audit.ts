import { audit } from '@facequeue/audit';
import { isFacequeueError } from '@facequeue/schema';
import type { AuditConfig } from '../config.ts';
import type { Output } from '../output.ts';
import { readPrivateRedisUrl } from '../serve/private-redis.ts';
import { pingRedis, RedisUnusable } from '../serve/redis-ping.ts';

/** Time limit for the first reply of Redis, ms. */
const REDIS_TIMEOUT_MS = 3000;

/**
 * Audits an installation and prints the findings.
 * @returns the exit code: 1 when there are findings, or Redis cannot be used
 */
export async function auditRedis(config: AuditConfig, json: boolean, { stdout, stderr }: Output): Promise<number> {
  const url = config.REDIS_URL ?? readPrivateRedisUrl(config.FACEQUEUE_HOME);
  if (url === null) {
    stderr(`there is no private Redis in ${config.FACEQUEUE_HOME}: name one with --redis or REDIS_URL`);
    return 1;
  }
  try {
    // The queue's connection would wait for a Redis that is unreachable.
    await pingRedis(url, REDIS_TIMEOUT_MS);
    const { findings, jobs } = await audit(url, config.QUEUE_PREFIX, { live: true });
    if (json) stdout(`${JSON.stringify({ findings, jobs })}\n`);
    else for (const { text } of findings) stdout(`${text}\n`);
    const records = Object.values(jobs).reduce((sum, count) => sum + count, 0);
    if (!json) stderr(`${count(records, 'job')}, ${count(findings.length, 'finding')}.`);
    return findings.length ? 1 : 0;
  } catch (error) {
    if (!(error instanceof RedisUnusable || isFacequeueError(error))) throw error;
    stderr(error.message);
    return 1;
  }
}

const count = (number: number, noun: string) => `${number} ${noun}${number === 1 ? '' : 's'}`;
