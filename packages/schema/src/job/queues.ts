export const QUEUE_NAMES = ['interactive', 'bulk', 'cameras'] as const;
/** Queues of images; each is one BullMQ queue. */
export type QueueName = (typeof QUEUE_NAMES)[number];

/** Queues that a worker can serve: those of images, and webhooks. */
export const WORKER_QUEUE_NAMES = [...QUEUE_NAMES, 'webhooks'] as const;
export type WorkerQueueName = (typeof WORKER_QUEUE_NAMES)[number];

export function isImageQueue(name: WorkerQueueName): name is QueueName {
  return name !== 'webhooks';
}
