/** The active jobs of a worker, as Redis has them: after a fault of the worker, their ends are waited for. */
import { QUEUE_NAMES } from '@facequeue/schema';
import { sleep } from '@facequeue/time';
import type { Redis } from 'ioredis';

const POLL_EVERY_MS = 50;

/** Ids of the jobs that the worker with this process id has claimed and that have not ended. */
export async function activeJobIds(redis: Redis, prefix: string, pid: number): Promise<string[]> {
  const lists = await Promise.all(QUEUE_NAMES.map((queue) => redis.lrange(`${prefix}:bull:${queue}:active`, 0, -1)));
  const claims = await Promise.all(lists.flat().map((deliveryId) => claimOf(redis, prefix, deliveryId)));
  // A claim begins with the worker's id, which contains its process id (apps/worker/src/worker.ts).
  return claims.filter(({ claim }) => claim.includes(`-${pid}-`)).map(({ id }) => id);
}

/**
 * Resolves when all of these jobs have ended. A job without a record has ended: it was erased, or was an item of a batch.
 * @throws when that takes longer than `timeoutMs`
 */
export async function untilEnded(
  redis: Redis,
  prefix: string,
  ids: readonly string[],
  timeoutMs: number,
): Promise<void> {
  const until = performance.now() + timeoutMs;
  for (let open = [...ids]; open.length > 0; await sleep(POLL_EVERY_MS)) {
    const statuses = await Promise.all(open.map((id) => redis.hget(`${prefix}:job:${id}`, 'status')));
    open = open.filter((_, i) => statuses[i] === 'queued' || statuses[i] === 'processing');
    if (open.length > 0 && performance.now() > until) throw new Error(`${open} have not ended in ${timeoutMs} ms`);
  }
}

/** The claim of a delivered job id, or of the job that a lane token was used for. */
async function claimOf(redis: Redis, prefix: string, deliveryId: string): Promise<{ id: string; claim: string }> {
  const bound = deliveryId.startsWith('turn-') ? await redis.hget(`${prefix}:turns`, deliveryId) : null;
  const id = bound ? (bound.split(' ')[1] ?? '') : deliveryId;
  const [status, claim] = await redis.hmget(`${prefix}:job:${id}`, 'status', 'claim');
  return { id, claim: status === 'queued' || status === 'processing' ? (claim ?? '') : '' };
}
