import { isTerminal, type JobStatus } from '@facequeue/schema';
import { type JobView, jobResource } from '@facequeue/schema/job-resource';
import type { ServerSentEvent } from '../http/sse.ts';

/**
 * Names a state of a job. Made from the record alone, so that any gateway knows what a client has seen from its `Last-Event-ID`.
 */
export function stateId({ attempts, status }: { attempts: number; status: JobStatus }): string {
  return `${attempts}-${status}`;
}

/**
 * The event that tells of a job's state.
 * @param basePath as `jobResource` takes it
 * @param now Unix milliseconds
 */
export function eventOf(job: JobView, basePath: string, now: number): ServerSentEvent {
  const id = stateId(job);
  if (isTerminal(job.status)) return { id, event: 'job', data: jobResource(job, basePath) };
  return {
    id,
    event: 'status',
    data: { id: job.id, status: job.status, attempts: job.attempts, at: new Date(since(job, now)).toISOString() },
  };
}

/** Since when a live job is in its state. The record does not keep when it went back to its queue: that is told as it is noticed. */
function since({ status, startedAt, createdAt, attempts }: JobView, now: number): number {
  if (status === 'processing' && startedAt !== null) return startedAt;
  return attempts === 0 ? createdAt : now;
}
