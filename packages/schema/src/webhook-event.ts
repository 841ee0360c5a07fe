import { z } from 'zod';
import { BatchResource } from './batch.ts';
import { JobResource, TERMINAL_STATUSES } from './job.ts';

/** Types of webhooks that tell of jobs. */
export const JOB_EVENTS = TERMINAL_STATUSES.map((status) => `job.${status}` as const);

/** Body of a webhook: how a job ended, as `GET /jobs/{id}` shows it but for the webhook itself. The same on every try. */
export const JobEvent = z.object({
  type: z.enum(JOB_EVENTS),
  /** When the job ended. */
  timestamp: z.iso.datetime(),
  data: JobResource.omit({ webhook: true }),
});
export type JobEvent = z.infer<typeof JobEvent>;

/** Body of a batch's webhook: the batch as `GET /batches/{id}` shows it at its end, finished or canceled, but for the webhook itself. The same on every try. */
export const BatchEvent = z.object({
  type: z.literal('batch.finished'),
  /** When the batch ended. */
  timestamp: z.iso.datetime(),
  data: BatchResource.omit({ webhook: true }),
});
export type BatchEvent = z.infer<typeof BatchEvent>;
