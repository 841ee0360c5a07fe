import type { BatchRecord, GatewayQueue } from '@facequeue/queue';
import { unknown } from '../jobs/known.ts';

/**
 * The batch of an id from `parseId`, as `owner` may see it.
 * @throws what `unknown` makes
 */
export async function knownBatch(queue: GatewayQueue, id: string, owner: string): Promise<BatchRecord> {
  const batch = await queue.batches.read(id, owner);
  if (batch) return batch;
  throw await unknown(queue, id, 'batch');
}
