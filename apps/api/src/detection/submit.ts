import type { JobView } from '@facequeue/schema/job-resource';
import type { ImageInput } from '../body/image-input.ts';
import { queuedView } from '../jobs/queued-view.ts';
import { idempotency } from './idempotency.ts';
import type { DetectionCall } from './read-call.ts';

/** The paths are one operation: an idempotency key means the same on each. */
const OPERATION = 'face_detection';

/**
 * Submits the job of a call.
 * @returns the job as submitted, without a read. Its id differs from `call.jobId` when an earlier call used the same idempotency key
 * @throws queue_full, quota_exceeded, idempotency_conflict, unavailable
 */
export async function submit(call: DetectionCall, image: ImageInput): Promise<JobView> {
  const { config, queue, metrics } = call.services;
  const { owner, flow, requestId } = call.context;
  const { jobId: id, queueName, options, webhookUrl, idempotencyKey } = call;
  const work = {
    queue: queueName,
    source: 'url' in image ? { kind: 'url' as const, url: image.url } : { kind: 'inline' as const, bytes: image.bytes },
    options,
    ...(webhookUrl !== undefined && { webhookUrl }),
  };
  const { maxFetchedBytes, maxPending } = call.limits;
  const result = await queue.submit({
    id,
    ...work,
    requestId,
    owner,
    flow,
    ...(maxPending !== null && { maxPending }),
    ...('url' in image && maxFetchedBytes !== null && { maxImageBytes: maxFetchedBytes }),
    startTimeoutMs: config.START_WITHIN,
    // A caller that accepts the job in place of the faces loses nothing by a long wait, so its wait is not estimated.
    ...(call.onTimeout === 'error' && { waitMs: call.waitMs }),
    ...(idempotencyKey !== null && { idempotency: await idempotency(idempotencyKey, owner, OPERATION, work) }),
  });
  if (result.id === id) metrics.count('facequeue_jobs_accepted_total', { queue: queueName });
  return queuedView(result, {
    queue: queueName,
    source: { kind: work.source.kind },
    webhook: webhookUrl === undefined ? null : { url: webhookUrl, status: 'waiting', attempts: [], nextAt: null },
  });
}
