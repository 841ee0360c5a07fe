import type { BatchRecord, GatewayQueue } from '@facequeue/queue';
import { missing } from '../http/resource-id.ts';

/**
 * Reads a batch that belongs to `owner`.
 * @param id from `idOf`
 * @throws not_found or gone, see `missing`; unavailable
 */
export async function lookupBatch(queue: GatewayQueue, id: string, owner: string): Promise<BatchRecord> {
  const batch = await queue.batches.read(id, owner);
  if (batch) return batch;
  throw await missing(queue, id, 'batch');
}
