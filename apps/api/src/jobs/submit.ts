import type { GatewayQueue, NewFrame, NewJob, SubmitResult } from '@facequeue/queue';
import type { JobView } from '@facequeue/schema/job-resource';

/**
 * Submits a job.
 * @returns what is known of it from that alone, without reading it: as it was made. Its id is another one when an earlier call with
 *   the same idempotency key made it
 * @throws what `submit` throws
 */
export async function submitJob(queue: GatewayQueue, job: NewJob): Promise<JobView> {
  const submitted = await queue.submit(job);
  return {
    ...queued(submitted),
    queue: job.queue,
    source: { kind: job.source.kind },
    webhook:
      job.webhookUrl === undefined ? null : { url: job.webhookUrl, status: 'waiting', attempts: [], nextAt: null },
    frame: null,
  };
}

/**
 * Submits a frame of a camera, and says of its job what `submitJob` says.
 * @throws queue_full, unavailable
 */
export async function submitFrame(queue: GatewayQueue, frame: NewFrame): Promise<JobView> {
  const submitted = await queue.cameras.submit(frame);
  return {
    ...queued(submitted),
    queue: 'cameras',
    source: { kind: 'inline' },
    webhook: null,
    frame: { camera: frame.camera, takenAt: frame.takenAt },
  };
}

const queued = ({ id, createdAt, expiresAt }: SubmitResult) => ({
  id,
  status: 'queued' as const,
  createdAt,
  startedAt: null,
  finishedAt: null,
  expiresAt,
  attempts: 0,
  image: null,
  timings: {},
  error: null,
  result: null,
});
