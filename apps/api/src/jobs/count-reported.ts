import type { Registry } from '@facequeue/metrics';
import { isTerminal, type JobStatus, type QueueName } from '@facequeue/schema';

/** Counts an answer that reports a job to a caller, if the job has ended. */
export function countReported(metrics: Registry, { queue, status }: { queue: QueueName; status: JobStatus }): void {
  if (isTerminal(status)) metrics.count('facequeue_jobs_told_total', { queue, status });
}
