import type { JobRecord } from '@facequeue/queue';
import { type DetectionResult, FacequeueError, type JobResource, type Timings, toProblem } from '@facequeue/schema';
import { decodeResult } from '@facequeue/schema/result-codec';

const time = (ms: number) => new Date(ms).toISOString();

/** The faces of a succeeded job. */
export function resultOf(job: JobRecord): DetectionResult {
  if (!job.result) throw new Error(`job ${job.id} succeeded without a result`);
  return decodeResult(job.result);
}

/**
 * The error with which a job ended otherwise than well, as the caller that waits for it gets it. `parameter` is the
 * member that brought the image.
 */
export function endError(job: JobRecord): FacequeueError {
  const more = { jobId: job.id, parameter: job.source.kind === 'url' ? 'url' : 'img' };
  if (job.error) return new FacequeueError(job.error.code, job.error.detail, more);
  if (job.status === 'expired') return new FacequeueError('expired', 'the job was not started in time', more);
  return new FacequeueError('canceled', 'the job was canceled', more);
}

/** A job as `GET /jobs/{id}` shows it. */
export function jobResource(job: JobRecord, basePath: string): JobResource {
  const ended = job.finishedAt !== null && job.status !== 'succeeded' ? endError(job) : null;
  return {
    id: job.id,
    status: job.status,
    created_at: time(job.createdAt),
    started_at: job.startedAt === null ? null : time(job.startedAt),
    finished_at: job.finishedAt === null ? null : time(job.finishedAt),
    expires_at: time(job.expiresAt),
    attempts: job.attempts,
    queue: job.queue,
    image: job.image,
    result: job.status === 'succeeded' ? resultOf(job) : null,
    error: ended && toProblem(ended.code, ended.message, job.id),
    timings: job.timings,
    links: { self: jobPath(job.id, basePath) },
  };
}

export function jobPath(id: string, basePath: string): string {
  return `${basePath}/jobs/${id}`;
}

/** `Server-Timing`: milliseconds of each stage that ran. */
export function serverTiming(timings: Timings): string {
  return Object.entries(timings)
    .map(([stage, ms]) => `${stage};dur=${ms}`)
    .join(', ');
}
