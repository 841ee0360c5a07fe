import type { JobResource, JobStatus } from '@facequeue/schema';
import { toProblem } from '@facequeue/schema/errors';

/** A job of an interactive call as the service shows it, with the members that `status` requires. */
export function scriptedJob(id: string, status: JobStatus, more: Partial<JobResource> = {}): JobResource {
  const ended = status !== 'queued' && status !== 'processing';
  return {
    id,
    status,
    created_at: '2026-01-01T00:00:00.000Z',
    started_at: null,
    finished_at: ended ? '2026-01-01T00:00:01.000Z' : null,
    expires_at: '2026-01-01T01:00:00.000Z',
    attempts: 1,
    queue: 'interactive',
    image: null,
    result: status === 'succeeded' ? { Faces: [], FaceModelVersion: '1.0.0' } : null,
    error: status === 'failed' ? toProblem('image_undecodable', 'half an image', id) : null,
    timings: {},
    links: { self: `/jobs/${id}`, events: `/jobs/${id}/events`, cancel: `/jobs/${id}/cancel` },
    ...more,
  };
}
