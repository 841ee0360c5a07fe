import type { JobQueue, NewJob } from '@facequeue/queue';
import type { ShownJob } from '@facequeue/schema/job-resource';

/**
 * Submits a job.
 * @returns what is known of it from that alone, without reading it: as it was made. Its id is another one when an earlier call with
 *   the same idempotency key made it
 * @throws what `submit` throws
 */
export async function submittedJob(queue: JobQueue, job: NewJob): Promise<ShownJob> {
  const { id, createdAt, expiresAt } = await queue.submit(job);
  return {
    id,
    status: 'queued',
    queue: job.queue,
    source: { kind: job.source.kind },
    createdAt,
    startedAt: null,
    finishedAt: null,
    expiresAt,
    attempts: 0,
    image: null,
    timings: {},
    error: null,
    result: null,
    webhook:
      job.webhookUrl === undefined ? null : { url: job.webhookUrl, status: 'waiting', attempts: [], nextAt: null },
  };
}
