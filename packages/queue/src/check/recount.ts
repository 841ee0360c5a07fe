/** Counts everything anew and compares: for tests, chaos runs and doubts. Costs a scan of all keys; nothing else uses it. */
import type { Redis } from 'ioredis';
import { openConnection } from '../redis/connection.ts';

export interface Recount {
  /** What is wrong; empty when every counter and every list agrees with the records. */
  problems: string[];
  /** Records by status. */
  jobs: Record<string, number>;
  /** Every key under the prefix. */
  keys: string[];
}

/**
 * Checks the invariants of scripts/lib/job.lua. Reads without a lock: call it when nothing is going on.
 * @throws unavailable when Redis is away
 */
export async function recount(url: string, prefix: string): Promise<Recount> {
  await using connection = await openConnection(url, 'gateway', () => {});
  const { redis } = connection;
  const keys = await keysUnder(redis, prefix);
  const problems: string[] = [];
  const jobs: Record<string, number> = {};
  const sums = { blobBytes: 0, resultBytes: 0 };
  const processing = new Map<string, number>();
  const known = new Set<string>();
  const check = (fine: boolean, problem: string) => {
    if (!fine) problems.push(problem);
  };

  for (const key of keys.filter((each) => each.startsWith(`${prefix}:job:`))) {
    const id = key.slice(`${prefix}:job:`.length);
    const record = await redis.hgetall(key);
    const { status = '?', queue = '?' } = record;
    known.add(id);
    jobs[status] = (jobs[status] ?? 0) + 1;
    const blobBytes = Number(record['blobBytes']);
    const resultBytes = Number(record['resultBytes']);
    sums.blobBytes += blobBytes;
    sums.resultBytes += resultBytes;
    if (status === 'processing') processing.set(queue, (processing.get(queue) ?? 0) + 1);
    const live = status === 'queued' || status === 'processing';
    const waits = (await redis.zscore(`${prefix}:waiting:${queue}`, id)) !== null;
    check(waits === (status === 'queued'), `${id} is ${status}, yet ${waits ? '' : 'not '}in waiting:${queue}`);
    check((await redis.zscore(`${prefix}:due`, id)) !== null, `${id} is not due`);
    check((await redis.strlen(`${prefix}:blob:${id}`)) === blobBytes, `${id}'s image is not of ${blobBytes} bytes`);
    check((await redis.hstrlen(key, 'result')) === resultBytes, `${id}'s result is not of ${resultBytes} bytes`);
    check(live || blobBytes === 0, `${id} is ${status} and keeps its image`);
    check(live === !record['finishedAt'], `${id} is ${status} with finishedAt ${record['finishedAt']}`);
  }

  for (const name of keys.filter((each) => each.startsWith(`${prefix}:waiting:`) || each === `${prefix}:due`)) {
    for (const id of await redis.zrangebyscore(name, '-inf', '+inf'))
      check(known.has(id), `${id} in ${name} has no record`);
  }
  for (const key of keys.filter((each) => each.startsWith(`${prefix}:blob:`))) {
    check(known.has(key.slice(`${prefix}:blob:`.length)), `${key} has no record`);
  }
  const stats = await redis.hgetall(`${prefix}:stats`);
  for (const [name, sum] of Object.entries(sums)) {
    check(Number(stats[name] ?? 0) === sum, `stats.${name} is ${stats[name]}, counted ${sum}`);
  }
  for (const [field, value] of Object.entries(stats)) {
    if (!field.startsWith('processing:')) continue;
    const counted = processing.get(field.slice('processing:'.length)) ?? 0;
    check(Number(value) === counted, `stats.${field} is ${value}, counted ${counted}`);
  }
  return { problems, jobs, keys };
}

async function keysUnder(redis: Redis, prefix: string): Promise<string[]> {
  const keys = new Set<string>();
  for await (const batch of redis.scanStream({ match: `${prefix}:*`, count: 1000 })) {
    for (const key of batch as string[]) keys.add(key);
  }
  return [...keys].sort();
}
