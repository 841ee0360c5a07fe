import { type JobQueue, type JobRecord, jobIdTime } from '@facequeue/queue';
import { FacequeueError } from '@facequeue/schema';

/** How far ahead of ours another gateway's clock may be, ms. */
const CLOCK_SKEW_MS = 60_000;

/**
 * The form in which the queue knows an id.
 * @throws not_found when it is none
 */
export function parseJobId(text: unknown): string {
  if (typeof text !== 'string' || jobIdTime(text) === undefined) {
    throw new FacequeueError('not_found', 'this is not the id of a job');
  }
  return text.toLowerCase();
}

/**
 * The job of an id from `parseJobId`, as `owner` may see it.
 * @throws what `unknownJob` makes
 */
export async function knownJob(queue: JobQueue, id: string, owner: string): Promise<JobRecord> {
  const job = await queue.read(id);
  if (job && job.owner === owner) return job;
  throw await unknownJob(queue, id);
}

/**
 * Why a job cannot be shown: gone when this installation may have made the id (it expired, was deleted, never was, or is
 * another API key's: these are not told apart), not_found for any other id.
 */
export async function unknownJob(queue: JobQueue, id: string): Promise<FacequeueError> {
  const madeAt = jobIdTime(id)!;
  if (madeAt < (await queue.firstStart()) || madeAt > Date.now() + CLOCK_SKEW_MS) {
    return new FacequeueError('not_found', 'this installation has not made this id');
  }
  return new FacequeueError('gone', 'the job expired, was deleted or never existed');
}
