/** What a worker has in hand, as Redis knows it: whose end is waited for after the worker was hit. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';

const QUEUES = ['interactive', 'bulk', 'cameras'] as const;
const LOOK_EVERY_MS = 50;

/** Ids of jobs that the worker with this process id has claimed and that have not ended. */
export async function jobsInHand(redis: Redis, prefix: string, pid: number): Promise<string[]> {
  const lists = await Promise.all(QUEUES.map((queue) => redis.lrange(`${prefix}:bull:${queue}:active`, 0, -1)));
  const claims = await Promise.all(lists.flat().map((deliveryId) => claimOf(redis, prefix, deliveryId)));
  // A claim begins with the worker's id, which has its process id in it (apps/worker/src/worker.ts).
  return claims.filter(({ claim }) => claim.includes(`-${pid}-`)).map(({ id }) => id);
}

/**
 * Resolves when all of them have ended; what has no record has ended and was erased, or was an item of a batch.
 * @throws when that takes longer than `withinMs`
 */
export async function untilEnded(
  redis: Redis,
  prefix: string,
  ids: readonly string[],
  withinMs: number,
): Promise<void> {
  const until = performance.now() + withinMs;
  for (let left = [...ids]; left.length > 0; await sleep(LOOK_EVERY_MS)) {
    const statuses = await Promise.all(left.map((id) => redis.hget(`${prefix}:job:${id}`, 'status')));
    left = left.filter((_, i) => statuses[i] === 'queued' || statuses[i] === 'processing');
    if (left.length > 0 && performance.now() > until) throw new Error(`${left} have not ended within ${withinMs} ms`);
  }
}

/** A turn stands for the job that it was used for. */
async function claimOf(redis: Redis, prefix: string, deliveryId: string): Promise<{ id: string; claim: string }> {
  const turn = deliveryId.startsWith('turn-') ? await redis.hget(`${prefix}:turns`, deliveryId) : null;
  const id = turn ? (turn.split(' ')[1] ?? '') : deliveryId;
  const [status, claim] = await redis.hmget(`${prefix}:job:${id}`, 'status', 'claim');
  return { id, claim: status === 'queued' || status === 'processing' ? (claim ?? '') : '' };
}
