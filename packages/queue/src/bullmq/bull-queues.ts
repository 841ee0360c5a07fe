/** BullMQ as transport: it carries ids from gateway to worker and decides nothing. */
import { QUEUE_NAMES, type QueueName } from '@facequeue/schema';
import { type JobsOptions, Queue } from 'bullmq';
import type { Redis } from 'ioredis';

/** Where BullMQ's keys lie; the scripts look for its jobs and locks there too (redis/keys.lua). */
export const bullPrefix = (prefix: string) => `${prefix}:bull`;

const JOB: JobsOptions = { removeOnComplete: true, removeOnFail: true, attempts: 1 };
/** Nobody reads BullMQ's events: the least its approximate trimming keeps. */
const EVENTS = 100;

/** Hands a job's id to the workers. Adding an id that is there already changes nothing. */
export interface Transport {
  add(id: string, queue: QueueName): Promise<void>;
  /** Several in one round trip. */
  addTurns(turns: readonly string[], queue: QueueName): Promise<void>;
  close(): Promise<void>;
}

export async function openTransport(redis: Redis, prefix: string, onError: (error: Error) => void): Promise<Transport> {
  const queues = QUEUE_NAMES.map((name) => {
    const queue = new Queue(name, {
      connection: redis,
      prefix: bullPrefix(prefix),
      defaultJobOptions: JOB,
      streams: { events: { maxLen: EVENTS } },
    });
    queue.on('error', onError);
    return [name, queue] as const;
  });
  await Promise.all(queues.map(([, queue]) => queue.waitUntilReady()));
  const byName = new Map<QueueName, Queue>(queues);
  return {
    async add(id, queue) {
      await byName.get(queue)!.add('job', {}, { jobId: id });
    },
    async addTurns(ids, queue) {
      if (ids.length === 0) return;
      await byName.get(queue)!.addBulk(ids.map((jobId) => ({ name: 'job', data: {}, opts: { jobId } })));
    },
    async close() {
      await Promise.all(queues.map(([, queue]) => queue.close()));
    },
  };
}
