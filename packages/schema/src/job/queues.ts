export const QUEUE_NAMES = ['interactive', 'bulk', 'cameras'] as const;
/** Queues of images; each is one BullMQ queue. */
export type QueueName = (typeof QUEUE_NAMES)[number];

/**
 * Queues that a detection call may name by its option `priority`, each with the words that the OpenAPI document has for it. Without
 * the option a call goes to `interactive`.
 */
export const PRIORITIES = {
  bulk: 'run after the interactive calls',
} as const satisfies Partial<Record<QueueName, string>>;
export type Priority = keyof typeof PRIORITIES;

/** Queues that a worker can serve: those of images, and webhooks. */
export const WORKER_QUEUE_NAMES = [...QUEUE_NAMES, 'webhooks'] as const;
export type WorkerQueueName = (typeof WORKER_QUEUE_NAMES)[number];

export function isImageQueue(name: WorkerQueueName): name is QueueName {
  return name !== 'webhooks';
}
