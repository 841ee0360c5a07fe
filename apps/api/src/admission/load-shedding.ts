import type { GatewayQueue } from '@facequeue/queue';
import { FacequeueError, type QueueName } from '@facequeue/schema';
import { drainMs } from './retry-after.ts';

/**
 * A look that costs nothing, so that a full installation does not receive bodies to refuse; admission decides.
 * @param takesNoRoom whether this one replaces another; asked only when it is full
 * @throws queue_full
 */
export async function refuseWhenFull(
  queue: GatewayQueue,
  name: QueueName,
  takesNoRoom: () => Promise<boolean> = async () => false,
): Promise<void> {
  const { full, queues } = await queue.snapshot();
  const refused = full[name];
  if (!refused || (await takesNoRoom())) return;
  // A tenth of what waits will be done by then.
  const retryAfterMs = drainMs(queues[name], 0.1);
  throw new FacequeueError('queue_full', refused.text, { retryAfterMs, reason: refused.reason });
}
