/** Builds the bodies of webhooks, which workers sign and post. */
import { type BatchView, batchResource } from '../batch/view.ts';
import { isoTime } from '../http/iso-time.ts';
import { isTerminal } from '../job/resource.ts';
import { type JobView, jobResource } from '../job/view.ts';
import { type BatchEvent, type JobEvent, WEBHOOK_EVENTS } from './event.ts';

/** The job or batch whose end a webhook reports. */
export type WebhookBodySubject = { kind: 'job'; job: JobView } | { kind: 'batch'; batch: BatchView };

/**
 * The event that reports the end of a job or batch. It holds nothing about a delivery, so it is the same in every attempt.
 * @param endedAt Unix milliseconds
 * @param basePath prefix of the links in it
 * @throws when the job or batch has not ended
 * @example
 * const { type, data } = webhookEvent({ kind: 'job', job }, job.finishedAt!, '/prod');
 */
export function webhookEvent(subject: WebhookBodySubject, endedAt: number, basePath: string): JobEvent | BatchEvent {
  return subject.kind === 'job'
    ? jobEvent(subject.job, endedAt, basePath)
    : batchEvent(subject.batch, endedAt, basePath);
}

function jobEvent(job: JobView, endedAt: number, basePath: string): JobEvent {
  if (!isTerminal(job.status)) throw new Error(`job ${job.id} has not ended, it is ${job.status}`);
  return {
    type: WEBHOOK_EVENTS.job.typeOf(job.status),
    timestamp: isoTime(endedAt),
    data: jobResource({ ...job, webhook: null }, basePath),
  };
}

function batchEvent(batch: BatchView, endedAt: number, basePath: string): BatchEvent {
  if (batch.status !== 'finished' && batch.status !== 'canceled')
    throw new Error(`batch ${batch.id} has not ended, it is ${batch.status}`);
  return {
    type: WEBHOOK_EVENTS.batch.typeOf(batch.status),
    timestamp: isoTime(endedAt),
    data: batchResource({ ...batch, webhook: null }, basePath, endedAt),
  };
}
