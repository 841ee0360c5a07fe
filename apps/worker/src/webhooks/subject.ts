import type { JobRecord, WebhookDelivery } from '@facequeue/queue';
import { type BatchEvent, isTerminal, type JobEvent } from '@facequeue/schema';
import { batchResource } from '@facequeue/schema/batch-resource';
import { jobResource } from '@facequeue/schema/job-resource';

/**
 * Body of a webhook. It holds nothing about the delivery itself, so it is the same in every attempt.
 * @param basePath prefix of the links in it
 */
export function eventBody({ subject, endedAt }: WebhookDelivery, basePath: string): string {
  const timestamp = new Date(endedAt).toISOString();
  if (subject.kind === 'job') return JSON.stringify(jobEvent(subject.job, timestamp, basePath));
  const data = batchResource({ ...subject.batch, webhook: null }, basePath, endedAt);
  return JSON.stringify({ type: 'batch.finished', timestamp, data } satisfies BatchEvent);
}

function jobEvent(job: JobRecord, timestamp: string, basePath: string): JobEvent {
  if (!isTerminal(job.status)) throw new Error(`job ${job.id} has a webhook due and is ${job.status}`);
  return { type: `job.${job.status}`, timestamp, data: jobResource({ ...job, webhook: null }, basePath) };
}

/** The owner of the job or batch that a delivery reports, and the ids that log lines name it by. */
export function subjectOf({ subject }: WebhookDelivery): { owner: string; ids: Record<string, string> } {
  const { id, owner, requestId } = subject.kind === 'job' ? subject.job : subject.batch;
  return { owner, ids: { [`${subject.kind}_id`]: id, request_id: requestId } };
}
