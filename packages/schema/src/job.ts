import { z } from 'zod';
import { DetectionResult, ImageFacts, Timings } from './detection.ts';
import { ERROR_CODES } from './errors.ts';

export const JOB_STATUSES = ['queued', 'processing', 'succeeded', 'failed', 'canceled', 'expired'] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];

/** Terminal states never change. */
export const TERMINAL_STATUSES = ['succeeded', 'failed', 'canceled', 'expired'] as const;
export type TerminalStatus = (typeof TERMINAL_STATUSES)[number];

export function isTerminal(status: JobStatus): status is TerminalStatus {
  return (TERMINAL_STATUSES as readonly string[]).includes(status);
}

export const QUEUE_NAMES = ['interactive', 'bulk', 'cameras'] as const;
/** Queues that carry images; each is one BullMQ queue. */
export type QueueName = (typeof QUEUE_NAMES)[number];

/** What a worker can serve: queues of images, and the delivery of webhooks. */
export const WORKER_QUEUE_NAMES = [...QUEUE_NAMES, 'webhooks'] as const;
export type WorkerQueueName = (typeof WORKER_QUEUE_NAMES)[number];

export function isImageQueue(name: WorkerQueueName): name is QueueName {
  return name !== 'webhooks';
}

export const ProblemBody = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    code: z.enum(ERROR_CODES),
    job_id: z.string().optional(),
  })
  .meta({ id: 'Problem', description: 'RFC 9457 problem details with a code of the catalogue.' });

const time = z.iso.datetime();

/** Where the webhook of a job stands. */
export const WebhookReport = z
  .object({
    url: z.string(),
    status: z.enum(['waiting', 'pending', 'delivered', 'failed', 'gone']).meta({
      description: 'waiting: the job has not ended; pending: will be tried (again); gone: the receiver answered 410.',
    }),
    attempts: z.array(z.object({ at: time, status: z.int().nullable(), error: z.string().nullable(), ms: z.number() })),
    next_at: time.nullable(),
  })
  .meta({ id: 'WebhookReport' });
export type WebhookReport = z.infer<typeof WebhookReport>;

/** `GET /jobs/{id}`. */
export const JobResource = z
  .object({
    id: z.uuidv7(),
    status: z.enum(JOB_STATUSES),
    created_at: time,
    started_at: time.nullable(),
    finished_at: time.nullable(),
    expires_at: time.meta({ description: 'Until it ends: when it is given up. After: when it is erased.' }),
    attempts: z.int(),
    queue: z.enum(QUEUE_NAMES),
    image: ImageFacts.nullable(),
    result: DetectionResult.nullable(),
    error: ProblemBody.nullable(),
    timings: Timings,
    webhook: WebhookReport.optional().meta({ description: 'Present when the call named a webhook_url.' }),
    frame: z
      .object({ camera: z.string(), frame_time: time.nullable() })
      .optional()
      .meta({ description: 'Present when the job is a frame of a camera.' }),
    links: z.object({ self: z.string(), events: z.string(), cancel: z.string() }),
  })
  .meta({ id: 'Job' });
export type JobResource = z.infer<typeof JobResource>;
