import type { CompletionWait, GatewayQueue } from '@facequeue/queue';
import { FacequeueError, isTerminal } from '@facequeue/schema';
import type { JobView } from '@facequeue/schema/job-resource';
import { withTimeout } from '@facequeue/time';
import { MIN_RETRY_MS, pollAfterMs } from '../admission/retry-after.ts';
import { ClientDisconnected } from '../http/client-disconnected.ts';
import { isUnavailable } from '../http/errors.ts';
import { nameJob } from '../jobs/name-job.ts';
import { waitForEnd } from '../jobs/wait-for-end.ts';
import type { DetectionCall } from './read-call.ts';

/** How long the last read may take, ms. At the end of its grace period a gateway has a second for its last answers. */
const LAST_READ_MS = 500;

/** State of a job when its caller is answered. */
export type JobState = { ended: true; job: JobView } | { ended: false; job: JobView; retryAfterMs: number };

/**
 * Waits for the end of the job, at most `call.waitMs`. From here on the answer names the job, even if it is an error. The job is
 * accepted, so if Redis becomes unreachable meanwhile the caller still gets its location.
 * @param accepted what `submit` returned
 * @param wait of the id that this call submitted
 * @throws gone when the job is erased meanwhile, ClientDisconnected
 */
export async function waitForJob(call: DetectionCall, accepted: JobView, wait: CompletionWait): Promise<JobState> {
  const { services, response, immediate } = call;
  const { queue, config, shutdown } = services;

  // A repeated call waits for the earlier job, which may have ended: subscribe, then read.
  const repeated = accepted.id !== call.jobId;
  using earlierWait = repeated ? queue.wait(accepted.id) : null;
  const job = repeated ? ((await queue.read(accepted.id)) ?? accepted) : accepted;
  nameJob(response, job.id, config.BASE_PATH);

  if (immediate) return { ended: false, job, retryAfterMs: await pollAfterMs(queue, job.queue) };
  if (isTerminal(job.status)) return { ended: true, job };
  try {
    const ended = await waitForEnd(earlierWait ?? wait, call.waitMs, response, shutdown);
    if (ended) return { ended: true, job: ended };
  } catch (error) {
    if (isUnavailable(error)) return { ended: false, job, retryAfterMs: MIN_RETRY_MS };
    // Nobody else knows of this job. A job that is processing goes on, since most of its cost is spent.
    const unknownToOthers = !call.preferences.respondAsync && call.idempotencyKey === null;
    if (error instanceof ClientDisconnected && unknownToOthers) await queue.cancel(job.id, 'queued');
    throw error;
  }
  return await readAgain(queue, job);
}

/** The job as it is now; as it was if Redis does not answer. */
async function readAgain(queue: GatewayQueue, job: JobView): Promise<JobState> {
  const read = async (): Promise<JobState> => {
    const now = (await queue.read(job.id)) ?? job;
    return { ended: false, job: now, retryAfterMs: await pollAfterMs(queue, now.queue) };
  };
  const timedOut = () => new FacequeueError('unavailable', 'Redis does not answer');
  try {
    return await withTimeout(read(), LAST_READ_MS, timedOut);
  } catch (error) {
    if (isUnavailable(error)) return { ended: false, job, retryAfterMs: MIN_RETRY_MS };
    throw error;
  }
}
