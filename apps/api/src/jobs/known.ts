import { type GatewayQueue, type JobRecord, jobIdTime } from '@facequeue/queue';
import { FacequeueError } from '@facequeue/schema';

/** What has an id. */
export type Noun = 'job' | 'batch';

/** How far ahead of ours another gateway's clock may be, ms. */
const CLOCK_SKEW_MS = 60_000;

/**
 * The form in which the queue knows an id.
 * @param noun what it is to name
 * @throws not_found when it is none
 */
export function parseId(text: unknown, noun: Noun): string {
  if (typeof text !== 'string' || jobIdTime(text) === undefined) {
    throw new FacequeueError('not_found', `this is not the id of a ${noun}`);
  }
  return text.toLowerCase();
}

/**
 * The job of an id from `parseId`, as `owner` may see it.
 * @throws what `unknown` makes
 */
export async function knownJob(queue: GatewayQueue, id: string, owner: string): Promise<JobRecord> {
  const job = await queue.read(id);
  if (job && job.owner === owner) return job;
  throw await unknown(queue, id, 'job');
}

/**
 * Why a job or batch cannot be shown: gone when this installation may have made the id (it expired, was deleted, never was, or is
 * another API key's: these are not told apart), not_found for any other id.
 */
export async function unknown(queue: GatewayQueue, id: string, noun: Noun): Promise<FacequeueError> {
  const madeAt = jobIdTime(id)!;
  if (madeAt < (await queue.firstStart()) || madeAt > Date.now() + CLOCK_SKEW_MS) {
    return new FacequeueError('not_found', 'this installation has not made this id');
  }
  return new FacequeueError('gone', `the ${noun} expired, was deleted or never existed`);
}
