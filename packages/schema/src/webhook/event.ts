/** Bodies of webhooks. Each attempt to deliver one sends the same body. */
import { z } from 'zod';
import { BatchResource } from '../batch/resource.ts';
import { IsoTime } from '../http/iso-time.ts';
import { JobResource, TERMINAL_STATUSES } from '../job/resource.ts';

/** Types of webhooks about jobs. */
export const JOB_EVENTS = TERMINAL_STATUSES.map((status) => `job.${status}` as const);

/** A job has ended. `data` is what `GET /jobs/{id}` shows, without the webhook itself. */
export const JobEvent = z.object({
  type: z.enum(JOB_EVENTS),
  /** When the job ended. */
  timestamp: IsoTime,
  data: JobResource.omit({ webhook: true }),
});
export type JobEvent = z.infer<typeof JobEvent>;

/** A batch has finished or was canceled. `data` is what `GET /batches/{id}` shows, without the webhook itself. */
export const BatchEvent = z.object({
  type: z.literal('batch.finished'),
  /** When the batch ended. */
  timestamp: IsoTime,
  data: BatchResource.omit({ webhook: true }),
});
export type BatchEvent = z.infer<typeof BatchEvent>;
