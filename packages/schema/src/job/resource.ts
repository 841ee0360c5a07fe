/** A job as the API shows it, and the states it goes through. */
import { z } from 'zod';
import { DetectionResult, ImageFacts, Timings } from '../detection/result.ts';
import { IsoTime } from '../http/iso-time.ts';
import { ProblemBody } from '../http/problem.ts';
import { WebhookReport } from '../webhook/report.ts';
import { QUEUE_NAMES } from './queues.ts';

export const JOB_STATUSES = ['queued', 'processing', 'succeeded', 'failed', 'canceled', 'expired'] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];

/** Terminal states never change. */
export const TERMINAL_STATUSES = ['succeeded', 'failed', 'canceled', 'expired'] as const;
export type TerminalStatus = (typeof TERMINAL_STATUSES)[number];

export function isTerminal(status: JobStatus): status is TerminalStatus {
  return (TERMINAL_STATUSES as readonly string[]).includes(status);
}

/** `GET /jobs/{id}`. */
export const JobResource = z
  .object({
    id: z.uuidv7(),
    status: z.enum(JOB_STATUSES),
    created_at: IsoTime,
    started_at: IsoTime.nullable(),
    finished_at: IsoTime.nullable(),
    expires_at: IsoTime.meta({ description: 'Until it ends: when it expires. Afterwards: when it will be erased.' }),
    attempts: z.int(),
    queue: z.enum(QUEUE_NAMES),
    image: ImageFacts.nullable(),
    result: DetectionResult.nullable(),
    error: ProblemBody.nullable(),
    timings: Timings,
    webhook: WebhookReport.optional().meta({ description: 'Present when the call named a webhook_url.' }),
    frame: z
      .object({ camera: z.string(), frame_time: IsoTime.nullable() })
      .optional()
      .meta({ description: 'Present when the job is a frame of a camera.' }),
    links: z.object({ self: z.string(), events: z.string(), cancel: z.string() }),
  })
  .meta({ id: 'Job' });
export type JobResource = z.infer<typeof JobResource>;
