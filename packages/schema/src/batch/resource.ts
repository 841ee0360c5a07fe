/** A batch and its items as the API shows them, and the states a batch goes through. */
import { z } from 'zod';
import { DetectionResult, ImageFacts, Timings } from '../detection/result.ts';
import { IsoTime } from '../http/iso-time.ts';
import { ProblemBody } from '../http/problem.ts';
import { WebhookReport } from '../webhook/report.ts';

export const BATCH_STATUSES = ['open', 'running', 'finished', 'canceled'] as const;
export type BatchStatus = (typeof BATCH_STATUSES)[number];

/** States of the tasks of a batch: its listing and its output. */
export const TASK_STATUSES = ['waiting', 'running', 'done', 'failed'] as const;
export type TaskStatus = (typeof TASK_STATUSES)[number];

const task = {
  url: z.string(),
  status: z.enum(TASK_STATUSES),
  error: ProblemBody.nullable(),
};

/** `GET /batches/{id}`. */
export const BatchResource = z
  .object({
    id: z.uuidv7(),
    status: z.enum(BATCH_STATUSES),
    created_at: IsoTime,
    closed_at: IsoTime.nullable().meta({ description: 'When it was closed to further items; null while it is open.' }),
    finished_at: IsoTime.nullable(),
    expires_at: IsoTime.nullable().meta({ description: 'When it will be erased; null until it has ended.' }),
    counts: z.object({
      total: z.int(),
      queued: z.int(),
      processing: z.int(),
      succeeded: z.int(),
      failed: z.int(),
      canceled: z.int(),
    }),
    items_per_second: z.number().meta({ description: 'Items that end per second, over about the last half minute.' }),
    estimated_finish: IsoTime.nullable().meta({
      description: 'When the current items will have ended, at that rate; null while unknown.',
    }),
    listing: z.object({ ...task, suffixes: z.array(z.string()) }).optional(),
    output: z.object({ ...task, overwrite: z.boolean() }).optional(),
    webhook: WebhookReport.optional(),
    links: z.object({
      self: z.string(),
      results: z.string(),
      items: z.string(),
      close: z.string(),
      cancel: z.string(),
    }),
  })
  .meta({ id: 'Batch' });
export type BatchResource = z.infer<typeof BatchResource>;

/** The answer of `POST /batches/{id}/items`. */
export const AppendReport = z
  .object({
    accepted: z.int().meta({ description: 'Items that will be run.' }),
    skipped: z.int().meta({ description: 'Items whose id was already in the batch.' }),
    failed: z.int().meta({ description: 'Lines that became failed items.' }),
    batch: BatchResource,
  })
  .meta({ id: 'AppendReport' });
export type AppendReport = z.infer<typeof AppendReport>;

/** A line of `GET /batches/{id}/results`. */
export const ItemLine = z
  .object({
    id: z.string().meta({ description: 'The id of the item in the request, or # and its number in the batch.' }),
    line: z.int().optional().meta({ description: 'Its line in the request, from 1.' }),
    status: z.enum(['succeeded', 'failed', 'canceled']),
    finished_at: IsoTime,
    attempts: z.int(),
    image: ImageFacts.nullable(),
    result: DetectionResult.nullable(),
    error: ProblemBody.nullable(),
    timings: Timings,
    cursor: z.string().meta({ description: 'Value of `after` to continue after this line.' }),
  })
  .meta({ id: 'BatchItem' });
export type ItemLine = z.infer<typeof ItemLine>;
