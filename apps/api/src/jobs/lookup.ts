import type { GatewayQueue, JobRecord } from '@facequeue/queue';
import { missing } from '../http/resource-id.ts';

/**
 * Reads a job that belongs to `owner`.
 * @param id from `idOf`
 * @throws not_found or gone, see `missing`; unavailable
 */
export async function lookupJob(queue: GatewayQueue, id: string, owner: string): Promise<JobRecord> {
  const job = await queue.read(id);
  if (job && job.owner === owner) return job;
  throw await missing(queue, id, 'job');
}
