/** Webhook events: their types and the schemas of their bodies. `body.ts` builds the bodies. */
import { z } from 'zod';
import { BatchResource } from '../batch/resource.ts';
import { IsoTime } from '../http/iso-time.ts';
import { JobResource, TERMINAL_STATUSES, type TerminalStatus } from '../job/resource.ts';

/**
 * Every type of webhook event, and which one reports an end. The schemas, the OpenAPI document and the bodies that workers send
 * derive from this table; docs/webhooks.md lists the types for users.
 */
export const WEBHOOK_EVENTS = {
  /** A job has ended. */
  job: {
    types: TERMINAL_STATUSES.map((status) => `job.${status}` as const),
    typeOf: (status: TerminalStatus) => `job.${status}` as const,
  },
  /** A batch has finished or was canceled. Its status says which. */
  batch: {
    types: ['batch.finished'] as const,
    typeOf: (_status: 'finished' | 'canceled') => 'batch.finished' as const,
  },
};

/** The body of a webhook about a job. `data` is what `GET /jobs/{id}` shows, without the webhook itself. */
export const JobEvent = z.object({
  type: z.enum(WEBHOOK_EVENTS.job.types),
  /** When the job ended. */
  timestamp: IsoTime,
  data: JobResource.omit({ webhook: true }),
});
export type JobEvent = z.infer<typeof JobEvent>;

/** The body of a webhook about a batch. `data` is what `GET /batches/{id}` shows, without the webhook itself. */
export const BatchEvent = z.object({
  type: z.enum(WEBHOOK_EVENTS.batch.types),
  /** When the batch ended. */
  timestamp: IsoTime,
  data: BatchResource.omit({ webhook: true }),
});
export type BatchEvent = z.infer<typeof BatchEvent>;
