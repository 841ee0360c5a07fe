import { isTerminal, type JobStatus } from '@facequeue/schema';
import { type JobView, jobResource } from '@facequeue/schema/job-resource';
import type { ServerSentEvent } from '../streaming/sse.ts';

/**
 * Identifies a state of a job. It depends on the record alone, so any gateway knows from `Last-Event-ID` what a client has seen.
 */
export function stateId({ attempts, status }: { attempts: number; status: JobStatus }): string {
  return `${attempts}-${status}`;
}

/**
 * The event that reports a job's state.
 * @param basePath as in `jobResource`
 * @param now Unix milliseconds
 */
export function stateEvent(job: JobView, basePath: string, now: number): ServerSentEvent {
  const id = stateId(job);
  if (isTerminal(job.status)) return { id, event: 'job', data: jobResource(job, basePath) };
  return {
    id,
    event: 'status',
    data: { id: job.id, status: job.status, attempts: job.attempts, at: new Date(since(job, now)).toISOString() },
  };
}

/** Since when a live job is in its state. The record does not store when a job was requeued: that counts as now. */
function since({ status, startedAt, createdAt, attempts }: JobView, now: number): number {
  if (status === 'processing' && startedAt !== null) return startedAt;
  return attempts === 0 ? createdAt : now;
}
