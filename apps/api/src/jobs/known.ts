import { type JobQueue, type JobRecord, jobIdTime } from '@facequeue/queue';
import { FacequeueError } from '@facequeue/schema';

/** How far ahead of ours another gateway's clock may be, ms. */
const CLOCK_SKEW_MS = 60_000;

/**
 * The job of an id, as `owner` may see it.
 * @throws gone when it cannot be shown though this installation may have made the id (expired, deleted, never there, or of
 *   another API key: these are not told apart); not_found for any other id
 */
export async function knownJob(queue: JobQueue, id: string, owner: string): Promise<JobRecord> {
  const madeAt = jobIdTime(id);
  if (madeAt === undefined) throw new FacequeueError('not_found', 'this is not the id of a job');
  const job = await queue.read(id.toLowerCase());
  if (job && job.owner === owner) return job;
  if (madeAt < (await queue.firstStart()) || madeAt > Date.now() + CLOCK_SKEW_MS) {
    throw new FacequeueError('not_found', 'this installation has not made this id');
  }
  throw new FacequeueError('gone', 'the job expired, was deleted or never existed');
}
