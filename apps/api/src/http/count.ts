/** What happens in a gateway, as it is counted. */
import type { Registry } from '@facequeue/metrics';
import type { AppendResult } from '@facequeue/queue';
import { type FacequeueError, isTerminal, type JobStatus, type QueueName } from '@facequeue/schema';

const METHODS = ['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS'] as const;

/**
 * @param route path of the route that took it; empty for none
 * @param ms from its headers to the end of its answer
 */
export function countRequest(metrics: Registry, given: string, route: string, status: number, ms: number): void {
  const method = METHODS.find((known) => known === given) ?? 'other';
  const labels = { route: route || 'none', method, status: String(status) } as const;
  metrics.observe('facequeue_http_request_duration_seconds', labels, ms / 1000);
}

export function countError(metrics: Registry, { code, reason }: FacequeueError): void {
  metrics.count('facequeue_http_errors_total', { code });
  if (code === 'queue_full') metrics.count('facequeue_refused_total', { reason: reason ?? 'other' });
}

/** A caller is told of a job: of its end, if it has ended. */
export function countReported(metrics: Registry, { queue, status }: { queue: QueueName; status: JobStatus }): void {
  if (isTerminal(status)) metrics.count('facequeue_jobs_told_total', { queue, status });
}

/** @returns what it is given */
export function countItems(metrics: Registry, appended: AppendResult): AppendResult {
  for (const outcome of ['accepted', 'skipped', 'failed'] as const)
    metrics.count('facequeue_batch_items_total', { outcome }, appended[outcome]);
  return appended;
}
