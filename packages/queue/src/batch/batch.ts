import type { BatchStatus, DetectionOptions, ErrorCode, ImageFacts, TaskStatus, Timings } from '@facequeue/schema';
import type { WebhookState } from '../webhook/webhook.ts';

/** An item handed to a batch. */
export interface NewItem {
  /** The caller's name for it, unique in its batch; null: the batch numbers it (`#12`). */
  name: string | null;
  /** Where it stood in the request or listing, from 1; null when that says nothing. */
  line: number | null;
  /** `error`: the item could not be read; it fails as it comes in. */
  content:
    | { kind: 'inline'; bytes: Uint8Array }
    | { kind: 'url'; url: string }
    | { kind: 'error'; code: ErrorCode; detail: string };
}

/** What `create` takes. */
export interface NewBatch {
  /** UUIDv7 from `newJobId`. */
  id: string;
  owner: string;
  requestId: string;
  /** For all its items. */
  options: DetectionOptions;
  /** Stays open for appends after `settle`. */
  open: boolean;
  webhookUrl?: string;
  /** Objects whose keys begin so become items, listed by a worker. `suffixes` are compared without regard to case. */
  listing?: { url: string; suffixes: string[] };
  /** Where a worker writes the results to, once all are there. */
  output?: { url: string; overwrite: boolean };
}

/** What became of the items of one append. */
export interface AppendResult {
  /** Items that will be run. */
  accepted: number;
  /** Items whose name the batch had already: nothing was done. */
  skipped: number;
  /** Items that failed as they came in. */
  failed: number;
}

/** Work a worker does for a batch: listing its items, or writing its results. */
export interface TaskState {
  status: TaskStatus;
  error: { code: ErrorCode; detail: string } | null;
}

/** A batch as its record has it. Times are Unix milliseconds. */
export interface BatchRecord {
  id: string;
  owner: string;
  requestId: string;
  status: BatchStatus;
  options: DetectionOptions;
  createdAt: number;
  /** When the last item has come in; null while more may come. */
  closedAt: number | null;
  /** When it ended: every item and its output. */
  finishedAt: number | null;
  /** When it is erased; null until it ends. */
  expiresAt: number | null;
  counts: { total: number; queued: number; processing: number; succeeded: number; failed: number; canceled: number };
  /** Items ended a second, over the last half minute or so. */
  rate: number;
  /** Milliseconds until the items known by now are done, at that rate; null while that cannot be said. */
  remainingMs: number | null;
  /** No result will come after those that can be read now. */
  complete: boolean;
  listing: (TaskState & { url: string; suffixes: string[] }) | null;
  output: (TaskState & { url: string; overwrite: boolean }) | null;
  webhook: WebhookState | null;
}

/** How an item ended. */
export interface ItemResult {
  /** Its place in the order of ends: what `after` takes. */
  cursor: string;
  name: string;
  line: number | null;
  /** Empty for an item that failed as it came in. */
  jobId: string;
  status: 'succeeded' | 'failed' | 'canceled';
  finishedAt: number;
  attempts: number;
  error: { code: ErrorCode; detail: string } | null;
  image: ImageFacts | null;
  timings: Timings;
  /** Compact; of a succeeded item. */
  result: Buffer | null;
}

/** A task leased to one worker. */
export interface BatchTask {
  kind: 'list' | 'write';
  batch: BatchRecord;
  /** Names the lease: what is done under an older one is refused. */
  lease: number;
  /** What the task last saved of itself; '' at its beginning. */
  state: string;
  /** How often it has been taken since it last saved anything. */
  tries: number;
}
