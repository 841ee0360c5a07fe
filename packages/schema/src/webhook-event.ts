import { z } from 'zod';
import { JobResource, TERMINAL_STATUSES } from './job.ts';

/** Body of a webhook: how a job ended. The same on every try. */
export const JobEvent = z
  .object({
    type: z.enum(TERMINAL_STATUSES.map((status) => `job.${status}` as const)),
    timestamp: z.iso.datetime().meta({ description: 'When the job ended.' }),
    data: JobResource.omit({ webhook: true }).meta({
      id: 'EndedJob',
      description: 'The job as GET /jobs/{id} shows it, without its webhook.',
    }),
  })
  .meta({ id: 'JobEvent' });
export type JobEvent = z.infer<typeof JobEvent>;
