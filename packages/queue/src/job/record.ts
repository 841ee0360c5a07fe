/**
 * The record of a job: a Redis hash, the only truth about it.
 * status queue source options requestId owner createdAt startWithin expiresAt resultTtl attempts claim lock blobBytes
 * resultBytes, and once they are known startedAt finishedAt endedBy image timings errorCode errorDetail result, and
 * details of a result that was asked for with them.
 * moreOptions when there are options that 0.1.0 does not know. resultEpoch: see flow/results-lib.lua. flow when it is not the owner.
 * With an idempotency key: idempotency, and unshared until another call was given the job.
 * Of an item of a batch: batch name line, and the lane token that brought it: ticket. Of a frame: camera ("<owner>/<camera>")
 * takenAt ticket.
 * With a webhook: webhookUrl webhookHost webhookStatus webhookNextAt webhookLog (an attempt a line) webhookReported.
 * Times are Unix milliseconds of Redis' clock; options, image and timings JSON; result and details bytes.
 */
import {
  type ErrorCode,
  type ImageFacts,
  type JobStatus,
  optionsFrom,
  type QueueName,
  type Timings,
} from '@facequeue/schema';
import { webhookFrom } from '../webhook/record.ts';
import type { JobRecord, JobSource } from './job.ts';

/** What `source` holds for a job whose bytes came with it; any other value is a url. */
export const INLINE = 'inline';

export const sourceFrom = (text: string): JobSource =>
  text === INLINE ? { kind: 'inline' } : { kind: 'url', url: text };

/** @param fields the hash as `HGETALL` gives it; null for none */
export function recordFrom(id: string, fields: Record<string, Buffer>): JobRecord | null {
  if (!fields['status']) return null;
  const text = (name: string) => fields[name]?.toString() ?? '';
  const time = (name: string) => (fields[name] ? Number(fields[name].toString()) : null);
  const createdAt = Number(text('createdAt'));
  const startedAt = time('startedAt');
  const error = text('errorCode');
  return {
    id,
    status: text('status') as JobStatus,
    queue: text('queue') as QueueName,
    source: sourceFrom(text('source')),
    options: optionsFrom(text('options'), text('moreOptions')),
    requestId: text('requestId'),
    owner: text('owner'),
    createdAt,
    startedAt,
    finishedAt: time('finishedAt'),
    expiresAt: Number(text('expiresAt')),
    attempts: Number(text('attempts')),
    image: fields['image'] ? (JSON.parse(text('image')) as ImageFacts) : null,
    timings: {
      // By Redis' clock alone: the clocks of gateway and worker need not agree.
      ...(startedAt !== null && { queue: startedAt - createdAt }),
      ...(fields['timings'] && (JSON.parse(text('timings')) as Timings)),
    },
    error: error ? { code: error as ErrorCode, detail: text('errorDetail') } : null,
    result: fields['result'] ?? null,
    ...(fields['details'] && { details: fields['details'] }),
    webhook: webhookFrom(fields),
    frame: fields['camera'] ? { camera: cameraOf(text('camera')), takenAt: time('takenAt') } : null,
  };
}

/** What `flow` holds of a job, batch or frame: nothing when its flow is its owner. */
export const flowField = (flow: string | undefined, owner: string) => (flow === owner ? undefined : flow);

/** The camera in a name that begins with its owner. */
export const cameraOf = (name: string) => name.slice(name.indexOf('/') + 1);
