import type { SubmitResult } from '@facequeue/queue';
import type { JobView } from '@facequeue/schema/job-resource';

/**
 * A job as it was just submitted, made from what the submit returned instead of a read.
 * @param job what differs from job to job
 */
export function queuedView(
  { id, createdAt, expiresAt }: SubmitResult,
  job: Pick<JobView, 'queue' | 'source'> & Partial<Pick<JobView, 'webhook' | 'frame'>>,
): JobView {
  return {
    id,
    status: 'queued',
    createdAt,
    startedAt: null,
    finishedAt: null,
    expiresAt,
    attempts: 0,
    image: null,
    timings: {},
    error: null,
    result: null,
    webhook: null,
    frame: null,
    ...job,
  };
}
