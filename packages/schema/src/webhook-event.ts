import { z } from 'zod';
import { JobResource, TERMINAL_STATUSES } from './job.ts';

/** Types of webhooks. */
export const JOB_EVENTS = TERMINAL_STATUSES.map((status) => `job.${status}` as const);

/** Body of a webhook: how a job ended, as `GET /jobs/{id}` shows it but for the webhook itself. The same on every try. */
export const JobEvent = z.object({
  type: z.enum(JOB_EVENTS),
  /** When the job ended. */
  timestamp: z.iso.datetime(),
  data: JobResource.omit({ webhook: true }),
});
export type JobEvent = z.infer<typeof JobEvent>;
