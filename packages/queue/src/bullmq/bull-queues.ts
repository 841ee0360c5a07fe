import { QUEUE_NAMES, type QueueName } from '@facequeue/schema';
import { type JobsOptions, Queue } from 'bullmq';
import type { Redis } from 'ioredis';

/** Where BullMQ's keys lie. The scripts look for its jobs and locks there too (redis/keys.lua). */
export const bullPrefix = (prefix: string) => `${prefix}:bull`;

const JOB: JobsOptions = { removeOnComplete: true, removeOnFail: true, attempts: 1 };
/** Nobody reads BullMQ's events: the least its approximate trimming keeps. */
const EVENTS = 100;

/**
 * BullMQ's queues from the side that adds. They carry delivery ids to workers and decide nothing: a delivery id is a job's id, or a
 * token of a lane (see lane/lib.lua).
 */
export class BullQueues {
  readonly #queues: ReadonlyMap<QueueName, Queue>;

  /** @param queues ready ones */
  constructor(queues: ReadonlyMap<QueueName, Queue>) {
    this.#queues = queues;
  }

  /** Adds a delivery. One that exists already is left as it is. */
  async add(deliveryId: string, queue: QueueName): Promise<void> {
    await this.#queues.get(queue)!.add('job', {}, { jobId: deliveryId });
  }

  /** Several in one round trip. */
  async addAll(deliveryIds: readonly string[], queue: QueueName): Promise<void> {
    if (deliveryIds.length === 0) return;
    const jobs = deliveryIds.map((jobId) => ({ name: 'job', data: {}, opts: { jobId } }));
    await this.#queues.get(queue)!.addBulk(jobs);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#queues.values()].map((queue) => queue.close()));
  }
}

export async function openBullQueues(
  redis: Redis,
  prefix: string,
  onError: (error: Error) => void,
): Promise<BullQueues> {
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
  return new BullQueues(new Map<QueueName, Queue>(queues));
}
