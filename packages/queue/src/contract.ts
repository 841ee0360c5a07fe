/** The types this package and its users share. Redis layout and scripts live behind them. */
import type {
  BatchStatus,
  DetectionOptions,
  ErrorCode,
  ImageFacts,
  JobStatus,
  QueueName,
  RefusalReason,
  TaskStatus,
  Timings,
  WorkerQueueName,
} from '@facequeue/schema';

/** Where a job's image comes from: bytes handed in with the job, or a reference the worker fetches. */
export type JobSource = { kind: 'inline' } | { kind: 'url'; url: string };

/** What `submit` takes. */
export interface NewJob {
  /** UUIDv7 from `newJobId`; the caller makes it, so that it can wait before it submits. */
  id: string;
  queue: QueueName;
  source: { kind: 'inline'; bytes: Uint8Array } | { kind: 'url'; url: string };
  options: DetectionOptions;
  /** `X-Request-Id` of the call, for logs from HTTP to engine and back. */
  requestId: string;
  /** Name of the API key that submits; empty in open mode. */
  owner: string;
  /** Milliseconds from now after which the job, if it has not started, ends `expired`. */
  startWithinMs: number;
  /** Milliseconds a synchronous caller will wait: refused when the estimated wait is longer. Absent: no such check. */
  waitMs?: number;
  /**
   * `key` names the call within its API key and route (a hash; no user text); `fingerprint` is a hash of what it asks for.
   * The same key with the same fingerprint gives the job that has it, another fingerprint is refused. It lives as long as the record.
   */
  idempotency?: { key: string; fingerprint: string };
  /** Told of the job's end by a signed POST. */
  webhookUrl?: string;
}

/** What `submit` gives. */
export interface SubmitResult {
  /** The submitted job's id, or that of the job which has the idempotency key. */
  id: string;
  createdAt: number;
  expiresAt: number;
  /** True when an earlier call with the same idempotency key made the job. */
  replayed: boolean;
}

/** One try to deliver a webhook. Times are Unix milliseconds. */
export interface WebhookAttempt {
  at: number;
  /** Status the receiver answered; null when it did not answer. */
  status: number | null;
  /** Public text of what went wrong; null when nothing did. */
  error: string | null;
  ms: number;
}

/** Where the webhook of a job stands. `waiting` until the job ends; `gone`: the receiver answered 410. */
export interface WebhookState {
  url: string;
  status: 'waiting' | 'pending' | 'delivered' | 'failed' | 'gone';
  /** The last few tries, oldest first. */
  attempts: WebhookAttempt[];
  /** When the next try is due; null when there will be none. */
  nextAt: number | null;
}

/** A job as the record has it. Times are Unix milliseconds. */
export interface JobRecord {
  id: string;
  status: JobStatus;
  queue: QueueName;
  source: JobSource;
  options: DetectionOptions;
  requestId: string;
  owner: string;
  createdAt: number;
  startedAt: number | null;
  finishedAt: number | null;
  /** Until it ends: when it is given up. After: when it is erased. */
  expiresAt: number;
  attempts: number;
  image: ImageFacts | null;
  timings: Timings;
  error: { code: ErrorCode; detail: string } | null;
  /** The compact result of a succeeded job, as the worker stored it. */
  result: Buffer | null;
  /** Null for a job without webhook. */
  webhook: WebhookState | null;
  /** The camera of a frame and, where its sender said so, when it was taken; null for any other job. */
  frame: { camera: string; takenAt: number | null } | null;
}

/** What a worker gets to run. */
export interface ClaimedJob {
  id: string;
  /** 1 for the first try. Names this claim: a stale worker's `start`, `finish` or `release` with an older one is refused. */
  attempt: number;
  queue: QueueName;
  source: JobSource;
  options: DetectionOptions;
  requestId: string;
  createdAt: number;
}

/** How a job ends. */
export type Outcome =
  | { status: 'succeeded'; result: Uint8Array; image: ImageFacts; timings: Timings }
  | { status: 'failed'; error: { code: ErrorCode; detail: string }; image?: ImageFacts; timings?: Timings };

/** What a worker says of itself, kept 15 s. */
export interface WorkerInfo {
  id: string;
  version: string;
  /** What its engines run on, and their models; null for a worker that starts none. */
  device: string | null;
  models: { name: string; version: string } | null;
  engines: number;
  queues: WorkerQueueName[];
  /** Engines that hold an image. */
  busy: number;
  /** Mean share of its engines that held an image, 0..1, over the last half minute or so. */
  load: number;
  startedAt: number;
}

/** Figures of one queue. */
export interface QueueFigures {
  waiting: number;
  processing: number;
  /** Milliseconds the oldest waiting job has waited; 0 when none waits. */
  oldestMs: number;
  /** Jobs ended a second, over the last half minute or so. */
  throughput: number;
  /** Mean milliseconds between two ends while more jobs waited; 0 while that has not happened. */
  gapMs: number;
}

/** A look at the whole installation, at most 250 ms old. */
export interface Snapshot {
  at: number;
  queues: Record<QueueName, QueueFigures>;
  blobBytes: number;
  resultBytes: number;
  /** What Redis uses, and the most that it may, bytes; 0 when it has no limit. At most a second old. */
  memory: { usedBytes: number; limitBytes: number };
  /** Why a submission would be refused now; null while there is room. */
  full: Record<QueueName, { reason: RefusalReason; text: string } | null>;
  /** Cameras that have posted within a day. */
  cameras: number;
  workers: WorkerInfo[];
}

/** A wait for one job's end. For a job that may have ended before it began (a replay), begin, then `read`. Disposing it frees it at once; an `ended` under way then answers null. */
export interface CompletionWait extends Disposable {
  /**
   * @param ms how long to wait
   * @returns the ended record, or null when `ms` passed or `signal` aborted first
   * @throws gone when the job was erased before its end could be read, unavailable when Redis is away at the end of `ms`
   */
  ended(ms: number, signal?: AbortSignal): Promise<JobRecord | null>;
}

/** Follows one job's changes of status. Disposing it frees it at once. */
export interface Subscription extends Disposable {
  /**
   * Resolves when the job's status may have changed since `subscribe` or the last call (also after a reconnect), when `ms` have passed,
   * or when `signal` aborts: read the record then. True unless time was up.
   */
  nextChange(ms: number, signal?: AbortSignal): Promise<boolean>;
}

/** What a webhook tells of, as it ended. */
export type WebhookSubject = { kind: 'job'; job: JobRecord } | { kind: 'batch'; batch: BatchRecord };

/** A webhook that is due, leased to one worker until it reports or the lease ends. */
export interface WebhookDelivery {
  subject: WebhookSubject;
  /** `webhook-id`: the same on every try. */
  webhookId: string;
  url: string;
  /** 1 for the first try. Names the lease, as `attempt` of a claimed job does. */
  attempt: number;
  /** When it ended: retries stop a day later. */
  endedAt: number;
}

/** What came of a try. */
export type WebhookOutcome = { attempt: WebhookAttempt } & (
  | { status: 'delivered' | 'failed' | 'gone' }
  | { status: 'pending'; nextAt: number }
);

/** Limits of admission, checked in one script for all gateways. */
export interface AdmissionLimits {
  maxWaiting: number;
  maxBlobBytes: number;
  maxResultBytes: number;
  maxOldestMs: number;
}

/** The gateway's side. Every call throws `unavailable` when Redis is away. */
export interface GatewayQueue {
  readonly batches: Batches;
  readonly cameras: Cameras;
  /** Waits and follows that have begun and were not freed. */
  readonly listeners: { waits: number; subscriptions: number };
  /** @throws queue_full (with retryAfterMs; nothing is reserved then), idempotency_conflict, unavailable */
  submit(job: NewJob): Promise<SubmitResult>;
  /** Begin before `submit`: nothing that happens after is missed. */
  wait(id: string): CompletionWait;
  /** Begin before the first `read`: no change after it is missed. Follows a job or, by its id, a batch; a camera by `Cameras.topic`. */
  subscribe(id: string): Subscription;
  /** The record with its result, or null when there is none. */
  read(id: string): Promise<JobRecord | null>;
  /**
   * Ends a job that has not ended; with `queued` only one that has not begun to run either, in the same step that looks.
   * Returns the record as it is after the call, null when there is none.
   */
  cancel(id: string, which?: 'live' | 'queued'): Promise<JobRecord | null>;
  /**
   * Cancels a live job and erases record, image, result, idempotency reservation and pending webhook of `owner`'s job at once. A tombstone
   * stays for RESULT_TTL, so that a second call is told apart from an unknown id.
   * @returns whether there is, or was, such a job of this owner
   */
  erase(id: string, owner: string): Promise<boolean>;
  snapshot(): Promise<Snapshot>;
  /** Unix milliseconds of this installation's first start: an id older than that cannot be one of ours. */
  firstStart(): Promise<number>;
  ping(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Runs one delivered job: claims it by its delivery id, then ends or releases it by the id it was claimed as. After a throw it is delivered again with back-off.
 * `signal` aborts with a JobAborted when the outcome is no longer wanted: the job was canceled, or was delivered to another.
 */
export type JobHandler = (deliveryId: string, signal: AbortSignal) => Promise<void>;

export interface Consumer {
  /** Stops taking jobs; resolves when those in hand are done. */
  close(): Promise<void>;
}

/** The worker's side. */
export interface WorkerQueue {
  readonly tasks: BatchTasks;
  consume(queue: QueueName, options: { concurrency: number }, handler: JobHandler): Promise<Consumer>;
  /**
   * `deliveryId` is what a handler is called with: a job's id, or a turn of a batch or camera, which takes its next item.
   * Counts an attempt. Null when the job has ended, is gone, is held by a live claim, has just been ended at its attempt limit, or a turn finds nothing.
   */
  claim(deliveryId: string, workerId: string): Promise<ClaimedJob | null>;
  /** The image bytes of an inline job; null when they are gone. */
  blob(id: string): Promise<Buffer | null>;
  /** The record says `processing` from here on. False when the job has ended or the claim is stale: drop it. */
  start(id: string, attempt: number): Promise<boolean>;
  /** False when the job had ended or the claim is stale: the outcome is discarded. */
  finish(id: string, attempt: number, outcome: Outcome): Promise<boolean>;
  /**
   * Gives a claimed job back to its queue, to be run again after `delayMs`.
   * @param forgiven the attempt does not count towards the limit: it ends for the worker's own sake, say because that stops
   */
  release(id: string, attempt: number, delayMs: number, forgiven?: boolean): Promise<boolean>;
  /** Tells when a job in this worker's hands is canceled. */
  onCancel(listener: (id: string) => void): () => void;
  /**
   * Leases webhooks that are due, at most `max`, and of one host at most `perHost` at a time over all workers. Resolves with none
   * when none is due.
   */
  leaseWebhooks(max: number, perHost: number, leaseMs: number): Promise<WebhookDelivery[]>;
  /** Reports a try. False when the lease was lost: somebody else tries. */
  reportWebhook(delivery: WebhookDelivery, outcome: WebhookOutcome): Promise<boolean>;
  /** Called when a webhook may have become due; there may be none. */
  onWebhookDue(listener: () => void): () => void;
  heartbeat(info: WorkerInfo): Promise<void>;
  ping(): Promise<void>;
  close(): Promise<void>;
}

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

/** Batches of items, from the gateway's side. An id that is unknown, erased or of another owner answers null, or throws `gone`. */
export interface Batches {
  /**
   * Begins a batch. Its maker appends the first items, then calls `settle`, or `erase` when they could not all be taken.
   * A maker that falls silent for a minute before it settles is taken for dead, and the batch is erased.
   * @throws queue_full
   */
  create(batch: NewBatch): Promise<void>;
  /** The first items are in: the batch closes, unless it was made to stay open or is still being listed. */
  settle(id: string): Promise<void>;
  /**
   * Takes all the items or, when it throws, none. At most MAX_APPEND items and about 4 MB a call.
   * @param twice what becomes of an item whose name is there already: `skip` for appends that may be repeats, `fail` (unnamed) for first ones
   * @throws queue_full (with retryAfterMs), conflict when it is closed, gone
   */
  append(id: string, owner: string, items: NewItem[], twice: 'skip' | 'fail'): Promise<AppendResult>;
  /** @throws gone. Closing a closed batch changes nothing. */
  close(id: string, owner: string): Promise<BatchRecord>;
  read(id: string, owner: string): Promise<BatchRecord | null>;
  /**
   * A page of results in the order in which items ended: fewer than `max` when their results pass about 1 MB.
   * @param after a cursor; '' from the beginning
   */
  results(id: string, after: string, max: number): Promise<ItemResult[]>;
  /** No further item starts from here on; those queued end `canceled` within seconds. Null when there is no such batch. */
  cancel(id: string, owner: string): Promise<BatchRecord | null>;
  /** Cancels, and erases items and results. @returns whether there is, or was lately, such a batch */
  erase(id: string, owner: string): Promise<boolean>;
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

/** Work for batches, from the worker's side. A false answer means that the lease or the batch is gone: drop the task. */
export interface BatchTasks {
  /** Leases a task that is due; null when none is. */
  lease(leaseMs: number): Promise<BatchTask | null>;
  /** Prolongs the lease. */
  extend(task: BatchTask, leaseMs: number): Promise<boolean>;
  /** Keeps where the task has got to, and prolongs the lease. */
  save(task: BatchTask, state: string, leaseMs: number): Promise<boolean>;
  /**
   * Appends items of a listing and saves its state in the same step, so that none is lost or listed twice.
   * @throws queue_full (with retryAfterMs): nothing was done
   */
  append(task: BatchTask, items: NewItem[], state: string, leaseMs: number): Promise<boolean>;
  /** As Batches.results. */
  results(id: string, after: string, max: number): Promise<ItemResult[]>;
  /** The task is due again after `delayMs`, for whoever takes it. */
  release(task: BatchTask, delayMs: number): Promise<boolean>;
  /** The task is over. A listing that fails leaves the items it found; the batch ends with what it has. */
  finish(task: BatchTask, error: { code: ErrorCode; detail: string } | null): Promise<boolean>;
  /** Whether the task is still to be done, by whoever has its lease. False when it is over, and when its batch was canceled or erased. */
  isPending(task: BatchTask): Promise<boolean>;
  /** Called when a task may have become due. */
  onTask(listener: () => void): () => void;
}

/** A frame of a camera. */
export interface NewFrame {
  /** UUIDv7 from `newJobId`. */
  id: string;
  camera: string;
  owner: string;
  requestId: string;
  bytes: Uint8Array;
  options: DetectionOptions;
  /** latest: frames of the camera that still wait end `canceled` (`superseded`); all: it waits behind them. */
  keep: 'latest' | 'all';
  /** Milliseconds from now after which it ends `expired`, unless it is being processed. */
  startWithinMs: number;
  /** When it was taken, Unix milliseconds, if its sender said so. */
  takenAt: number | null;
}

/** What a camera has done so far. Times are Unix milliseconds. */
export interface CameraRecord {
  camera: string;
  createdAt: number;
  keep: 'latest' | 'all';
  lastFrameAt: number;
  /** When a frame was last processed to its end. */
  lastResultAt: number | null;
  lastJobId: string;
  /** Frames posted, and frames processed, a second, over the last half minute or so. */
  postedRate: number;
  processedRate: number;
  /** posted = waiting + processing + succeeded + failed + superseded + expired + canceled. A frame in a worker's hands that has no engine yet counts as waiting. */
  counts: {
    posted: number;
    waiting: number;
    processing: number;
    succeeded: number;
    failed: number;
    superseded: number;
    expired: number;
    canceled: number;
  };
}

/** A processed frame. */
export interface FrameResult {
  /** Its place among the camera's results. */
  cursor: string;
  jobId: string;
  status: 'succeeded' | 'failed';
  takenAt: number | null;
  arrivedAt: number;
  startedAt: number | null;
  finishedAt: number;
  error: { code: ErrorCode; detail: string } | null;
  image: ImageFacts | null;
  timings: Timings;
  /** Compact; of a succeeded frame. */
  result: Buffer | null;
}

/** Cameras, from the gateway's side. A camera is there from its first frame until it has posted none for a day. Each key has cameras of its own. */
export interface Cameras {
  /** @throws queue_full */
  submit(frame: NewFrame): Promise<SubmitResult>;
  /** By name. */
  list(owner: string): Promise<CameraRecord[]>;
  read(owner: string, camera: string): Promise<CameraRecord | null>;
  /** What `subscribe` takes to hear of a camera's results. */
  topic(owner: string, camera: string): string;
  /**
   * A page of the results still kept (the last EVENTS_KEPT of a camera), oldest first.
   * @param after a cursor, known or not; '' from the oldest kept
   */
  results(owner: string, camera: string, after: string, max: number): Promise<FrameResult[]>;
  /** The cursor of the newest result; '' when there is none. */
  newest(owner: string, camera: string): Promise<string>;
}
