import type { GatewayQueue } from '@facequeue/queue';
import { FacequeueError, type QueueName } from '@facequeue/schema';
import { timeToProcess } from './retry-after.ts';

/** A refused caller may try again when this share of the waiting jobs has been processed. */
const RETRY_SHARE = 0.1;

/**
 * Refuses a call before its body is received, if the snapshot says that the queue is full. This only saves work: admission decides, in
 * the script that submits.
 * @param flow of the caller: what only another flow has done is no reason
 * @param replacesAnother whether the call replaces a waiting job; called only when the queue is full
 * @throws queue_full
 */
export async function refuseWhenFull(
  queue: GatewayQueue,
  name: QueueName,
  flow: string,
  replacesAnother: () => Promise<boolean> = async () => false,
): Promise<void> {
  const { full, queues } = await queue.snapshot();
  const refusal = full[name];
  if (!refusal || (refusal.flow ?? flow) !== flow || (await replacesAnother())) return;
  const retryAfterMs = timeToProcess(queues[name], RETRY_SHARE);
  throw new FacequeueError('queue_full', refusal.text, { retryAfterMs, reason: refusal.reason });
}
