import type { JobRecord, WebhookDelivery } from '@facequeue/queue';
import { type BatchEvent, isTerminal, type JobEvent } from '@facequeue/schema';
import { batchResource } from '@facequeue/schema/batch-resource';
import { jobResource } from '@facequeue/schema/job-resource';

/**
 * Body of a webhook. Nothing of the delivery itself is in it, so it is the same on every try.
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

/** Whose delivery it is, and what it tells of as log lines name it. */
export function subjectOf({ subject }: WebhookDelivery): { owner: string; named: Record<string, string> } {
  const { id, owner, requestId } = subject.kind === 'job' ? subject.job : subject.batch;
  return { owner, named: { [`${subject.kind}_id`]: id, request_id: requestId } };
}
