/** Counts everything anew and compares: for tests, chaos runs and doubts. Costs a scan of all keys; nothing else uses it. */
import type { Redis } from 'ioredis';
import { openConnection } from '../redis/connection.ts';
import { checkBatches } from './batches.ts';
import { checkCameras } from './cameras.ts';
import { checkDeliveries } from './deliveries.ts';
import { checkJobs } from './jobs.ts';
import { type Look, namesOf, takeLook } from './look.ts';
import { checkTurns } from './turns.ts';

export interface Recount {
  /** What is wrong; empty when every counter and every list agrees with the records. */
  problems: string[];
  /** Records by status. */
  jobs: Record<string, number>;
  /** Every key under the prefix, but for the marks that BullMQ sets for a moment. */
  keys: string[];
}

/**
 * Checks the invariants that scripts/lib states. Reads without a lock: call it when nothing is going on.
 * @throws unavailable when Redis is away
 */
export async function recount(url: string, prefix: string): Promise<Recount> {
  await using connection = await openConnection(url, 'gateway', () => {});
  return await recountOn(connection.redis, prefix);
}

/** As recount, on a connection that is there. */
export async function recountOn(redis: Redis, prefix: string): Promise<Recount> {
  const problems: string[] = [];
  const look = await takeLook(redis, prefix, problems);
  const deliveries = await checkDeliveries(look);
  const found = await checkJobs(look, deliveries.ids);
  const batches = await checkBatches(look, found.jobs, deliveries.ids);
  const cameras = await checkCameras(look, found.jobs);
  const lanes = [
    ...[...batches.ids].map((id) => ({ name: `batch:${id}`, idle: batches.stopped.has(id) })),
    ...[...cameras.names].map((name) => ({ name: `camera:${name}`, idle: false })),
  ];
  const turns = await checkTurns(look, found.jobs, lanes);
  await checkImages(look, found.jobs, batches.images);
  await checkDue(look, [found.jobs, turns, prefixed('batch-', batches.ids), prefixed('camera-', cameras.names)]);
  const sums = {
    blobBytes: found.blobBytes + batches.blobBytes,
    resultBytes: found.resultBytes + deliveries.resultBytes + batches.resultBytes + cameras.resultBytes,
  };
  for (const [name, sum] of Object.entries(sums)) {
    const said = look.stats[name];
    look.check(Number(said ?? 0) === sum, `stats.${name} is ${said}, counted ${sum}`);
  }
  return { problems, jobs: found.byStatus, keys: look.keys };
}

/** Every image is of a job or of an item that waits, and has its size. */
async function checkImages(
  look: Look,
  jobs: { has(id: string): boolean },
  waiting: Map<string, number>,
): Promise<void> {
  for (const id of namesOf(look, 'blob')) {
    look.check(jobs.has(id) || waiting.has(id), `blob:${id} belongs to nothing`);
  }
  for (const [id, bytes] of waiting) {
    const there = await look.redis.strlen(`${look.prefix}:blob:${id}`);
    look.check(there === bytes, `the image of ${id}, which waits, has ${there} bytes of ${bytes}`);
  }
}

/** Everything the sweep is to look at is there. */
async function checkDue({ redis, prefix, check }: Look, known: { has(name: string): boolean }[]): Promise<void> {
  for (const name of await redis.zrange(`${prefix}:due`, 0, '-1')) {
    check(
      known.some((names) => names.has(name)),
      `${name} is due and not there`,
    );
  }
  for (const task of await redis.zrange(`${prefix}:tasks`, 0, '-1')) {
    const [, id] = task.split(' ');
    check(
      known.some((names) => names.has(`batch-${id}`)),
      `the task ${task} is of no batch`,
    );
  }
}

const prefixed = (head: string, names: Set<string>) => new Set([...names].map((name) => head + name));
