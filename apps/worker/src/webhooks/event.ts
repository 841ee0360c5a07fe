import type { Delivery } from '@facequeue/queue';
import { isTerminal, type JobEvent } from '@facequeue/schema';
import { jobResource } from '@facequeue/schema/job-resource';

/**
 * Body of a webhook. Nothing of the delivery itself is in it, so it is the same on every try.
 * @param basePath prefix of the links in it
 */
export function eventBody({ job, endedAt }: Delivery, basePath: string): string {
  if (!isTerminal(job.status)) throw new Error(`job ${job.id} has a webhook due and is ${job.status}`);
  const event: JobEvent = {
    type: `job.${job.status}`,
    timestamp: new Date(endedAt).toISOString(),
    data: jobResource({ ...job, webhook: null }, basePath),
  };
  return JSON.stringify(event);
}
