import type { BatchStatus, DetectionOptions, ErrorCode, ImageFacts, TaskStatus, Timings } from '@facequeue/schema';
import type { WebhookState } from '../webhook/webhook.ts';

/** An item to append to a batch. */
export interface NewItem {
  /** The caller's name for it, unique in its batch; null: the batch names it by its number (`#12`). */
  name: string | null;
  /** Its line in the request or place in the listing, from 1; null when it has none. */
  line: number | null;
  /** `error`: the item could not be read; it fails when it is appended. */
  content:
    | { kind: 'inline'; bytes: Uint8Array }
    | { kind: 'url'; url: string }
    | { kind: 'error'; code: ErrorCode; detail: string };
}

/** What `Batches.create` takes. */
export interface NewBatch {
  /** UUIDv7 from `newJobId`. */
  id: string;
  owner: string;
  /** Whose turns and shares it counts in: its owner's, unless this names another. */
  flow?: string;
  /** How many jobs, items and frames of its flow may wait; absent: no such limit. */
  maxPending?: number;
  requestId: string;
  /** For all its items. */
  options: DetectionOptions;
  /** Stays open for appends after `settle`. */
  open: boolean;
  webhookUrl?: string;
  /** Largest image that a worker may fetch for it; absent: as large as the worker takes. */
  maxImageBytes?: number;
  /** Objects whose keys begin with this become items; a worker lists them. `suffixes` are compared case-insensitively. */
  listing?: { url: string; suffixes: string[] };
  /** Where a worker writes the results once all items have ended. */
  output?: { url: string; overwrite: boolean };
}

/** Items of one append, by what became of them. */
export interface AppendResult {
  /** Items that will be run. */
  accepted: number;
  /** Items whose name the batch had already: nothing was done. */
  skipped: number;
  /** Items that could not be read. */
  failed: number;
}

/** A worker's work for a batch: listing its items, or writing its results. */
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
  /** When its last item was appended; null while more may be. */
  closedAt: number | null;
  /** When every item and its output had ended. */
  finishedAt: number | null;
  /** When it is erased; null until it ends. */
  expiresAt: number | null;
  counts: { total: number; queued: number; processing: number; succeeded: number; failed: number; canceled: number };
  /** Items ended a second, over the last half minute or so. */
  rate: number;
  /** Milliseconds until the items appended so far have ended, at that rate; null while the rate is unknown. */
  remainingMs: number | null;
  /** All results can be read: none will follow. */
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
  /** Empty for an item that could not be read. */
  jobId: string;
  status: 'succeeded' | 'failed' | 'canceled';
  finishedAt: number;
  attempts: number;
  error: { code: ErrorCode; detail: string } | null;
  image: ImageFacts | null;
  timings: Timings;
  /** Compact; of a succeeded item. */
  result: Buffer | null;
  /** As a job's. */
  details?: Buffer;
}

/** A task leased to one worker. */
export interface BatchTask {
  kind: 'list' | 'write';
  batch: BatchRecord;
  /** Names the lease: calls with an older one are refused. */
  lease: number;
  /** What the task saved last; '' before that. */
  state: string;
  /** How often it has been leased since it last saved anything. */
  tries: number;
}
