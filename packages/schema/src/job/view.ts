/** Renders the record of a job: for `GET /jobs/{id}`, for a caller that waits for it, and for webhooks. */
import type { DetectionResult, ImageFacts, Timings } from '../detection/result.ts';
import { decodeResult } from '../detection/result-codec.ts';
import { type ErrorCode, FacequeueError, toProblem } from '../errors.ts';
import { isoTime, isoTimeOrNull } from '../http/iso-time.ts';
import { type WebhookView, webhookReport } from '../webhook/report.ts';
import type { QueueName } from './queues.ts';
import type { JobResource, JobStatus } from './resource.ts';

/** The members of a record that `jobResource` needs. Times are Unix milliseconds. */
export interface JobView {
  id: string;
  status: JobStatus;
  queue: QueueName;
  source: { kind: 'inline' | 'url' };
  createdAt: number;
  startedAt: number | null;
  finishedAt: number | null;
  expiresAt: number;
  attempts: number;
  image: ImageFacts | null;
  timings: Timings;
  error: { code: ErrorCode; detail: string } | null;
  /** In the compact form of `result-codec`. */
  result: Uint8Array | null;
  /** What `detail=true` adds to the result, in the compact form, too. */
  details?: Uint8Array;
  webhook: WebhookView | null;
  frame: { camera: string; takenAt: number | null } | null;
}

/** The faces of a succeeded job. */
export function resultOf(job: Pick<JobView, 'id' | 'result' | 'details'>): DetectionResult {
  if (!job.result) throw new Error(`job ${job.id} succeeded without a result`);
  return decodeResult(job.result, job.details);
}

/**
 * The error that a waiting caller gets for a job that did not succeed. Its `parameter` is the request member with the image.
 * @example
 * if (job.status !== 'succeeded') throw endError(job);
 */
export function endError(job: Pick<JobView, 'id' | 'status' | 'source' | 'error'>): FacequeueError {
  const more = { jobId: job.id, parameter: job.source.kind === 'url' ? 'url' : 'img' };
  if (job.error) return new FacequeueError(job.error.code, job.error.detail, more);
  if (job.status === 'expired') return new FacequeueError('expired', 'the job was not started in time', more);
  return new FacequeueError('canceled', 'the job was canceled', more);
}

export function jobPath(id: string, basePath: string): string {
  return `${basePath}/jobs/${id}`;
}

/**
 * A job as `GET /jobs/{id}` shows it.
 * @param basePath prefix of every path, such as /prod
 */
export function jobResource(job: JobView, basePath: string): JobResource {
  const failure = job.finishedAt !== null && job.status !== 'succeeded' ? endError(job) : null;
  const path = jobPath(job.id, basePath);
  return {
    id: job.id,
    status: job.status,
    created_at: isoTime(job.createdAt),
    started_at: isoTimeOrNull(job.startedAt),
    finished_at: isoTimeOrNull(job.finishedAt),
    expires_at: isoTime(job.expiresAt),
    attempts: job.attempts,
    queue: job.queue,
    image: job.image,
    result: job.status === 'succeeded' ? resultOf(job) : null,
    error: failure && toProblem(failure.code, failure.message, job.id),
    timings: job.timings,
    ...(job.webhook && { webhook: webhookReport(job.webhook) }),
    ...(job.frame && { frame: { camera: job.frame.camera, frame_time: isoTimeOrNull(job.frame.takenAt) } }),
    links: { self: path, events: `${path}/events`, cancel: `${path}/cancel` },
  };
}
