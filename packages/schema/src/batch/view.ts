/** Renders the record of a batch and the results of its items: for `/batches/{id}`, its results, webhook and output. */
import type { ImageFacts, Timings } from '../detection/result.ts';
import { decodeResult } from '../detection/result-codec.ts';
import { type ErrorCode, toProblem } from '../errors.ts';
import { isoTime, isoTimeOrNull } from '../http/iso-time.ts';
import { rounded } from '../http/rounded.ts';
import { type WebhookView, webhookReport } from '../webhook/report.ts';
import type { BatchResource, BatchStatus, ItemLine, TaskStatus } from './resource.ts';

type ErrorView = { code: ErrorCode; detail: string } | null;

/** The members of a record that `batchResource` needs. Times are Unix milliseconds. */
export interface BatchView {
  id: string;
  status: BatchStatus;
  createdAt: number;
  closedAt: number | null;
  finishedAt: number | null;
  expiresAt: number | null;
  counts: BatchResource['counts'];
  /** Items that end per second, over about the last half minute. */
  rate: number;
  /** Milliseconds until the current items have ended; null while unknown. */
  remainingMs: number | null;
  listing: { url: string; suffixes: string[]; status: TaskStatus; error: ErrorView } | null;
  output: { url: string; overwrite: boolean; status: TaskStatus; error: ErrorView } | null;
  webhook: WebhookView | null;
}

/** The members of an ended item that `itemLine` needs. Times are Unix milliseconds. */
export interface ItemView {
  cursor: string;
  name: string;
  line: number | null;
  status: ItemLine['status'];
  finishedAt: number;
  attempts: number;
  error: ErrorView;
  image: ImageFacts | null;
  timings: Timings;
  /** In the compact form of `result-codec`; null unless the item succeeded. */
  result: Uint8Array | null;
  /** What `detail=true` adds to the result, in the compact form, too. */
  details?: Uint8Array;
}

const problem = (error: ErrorView) => error && toProblem(error.code, error.detail);

export function batchPath(id: string, basePath: string): string {
  return `${basePath}/batches/${id}`;
}

/**
 * A batch as `GET /batches/{id}` shows it. Once the batch has ended, only `webhook` can still change.
 * @param basePath prefix of every path, such as /prod
 * @param now Unix milliseconds
 * @example
 * const batch = await queue.batches.read(id, owner);
 * if (batch) send(response, 200, batchResource(batch, config.BASE_PATH));
 */
export function batchResource(batch: BatchView, basePath: string, now = Date.now()): BatchResource {
  const { listing, output, webhook } = batch;
  const path = batchPath(batch.id, basePath);
  const live = batch.finishedAt === null;
  return {
    id: batch.id,
    status: batch.status,
    created_at: isoTime(batch.createdAt),
    closed_at: isoTimeOrNull(batch.closedAt),
    finished_at: isoTimeOrNull(batch.finishedAt),
    expires_at: isoTimeOrNull(batch.expiresAt),
    counts: batch.counts,
    items_per_second: live ? rounded(batch.rate) : 0,
    estimated_finish: live && batch.remainingMs !== null ? isoTime(now + batch.remainingMs) : null,
    ...(listing && {
      listing: {
        url: listing.url,
        suffixes: listing.suffixes,
        status: listing.status,
        error: problem(listing.error),
      },
    }),
    ...(output && {
      output: { url: output.url, overwrite: output.overwrite, status: output.status, error: problem(output.error) },
    }),
    ...(webhook && { webhook: webhookReport(webhook) }),
    links: {
      self: path,
      results: `${path}/results`,
      items: `${path}/items`,
      close: `${path}/close`,
      cancel: `${path}/cancel`,
    },
  };
}

/** An item that has ended, as a line of results. */
export function itemLine(item: ItemView): ItemLine {
  const canceled = item.status === 'canceled' ? { code: 'canceled' as const, detail: 'the item was canceled' } : null;
  return {
    id: item.name,
    ...(item.line !== null && { line: item.line }),
    status: item.status,
    finished_at: isoTime(item.finishedAt),
    attempts: item.attempts,
    image: item.image,
    result: item.result && decodeResult(item.result, item.details),
    error: problem(item.error ?? canceled),
    timings: item.timings,
    cursor: item.cursor,
  };
}
