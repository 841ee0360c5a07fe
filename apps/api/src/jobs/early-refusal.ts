import type { JobQueue } from '@facequeue/queue';
import { FacequeueError, type QueueName } from '@facequeue/schema';
import { drainMs } from './retry-after.ts';

/**
 * A look that costs nothing, so that a full installation does not receive bodies to refuse; admission decides.
 * @throws queue_full
 */
export async function refuseWhenFull(queue: JobQueue, name: QueueName): Promise<void> {
  const { full, queues } = await queue.snapshot();
  const reason = full[name];
  // A tenth of what waits will be done by then.
  if (reason !== null) throw new FacequeueError('queue_full', reason, { retryAfterMs: drainMs(queues[name], 0.1) });
}
