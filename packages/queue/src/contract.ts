/** The types this package and its users share. Redis layout and scripts live behind them. */
import type { DetectionOptions, ErrorCode, ImageFacts, JobStatus, QueueName, Timings } from '@facequeue/schema';

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
export interface Submitted {
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
  device: string;
  models: { name: string; version: string };
  engines: number;
  queues: QueueName[];
  busy: number;
  startedAt: number;
}

/** Figures of one queue. */
export interface QueueFigures {
  waiting: number;
  processing: number;
  /** Milliseconds the oldest waiting job has waited; 0 when none waits. */
  oldestMs: number;
  /** Jobs ended a second, over the last half minute or so. */
  drainRate: number;
}

/** A look at the whole installation, at most 250 ms old. */
export interface Snapshot {
  at: number;
  queues: Record<QueueName, QueueFigures>;
  blobBytes: number;
  resultBytes: number;
  /** Why a submission would be refused now; null while there is room. */
  full: { interactive: string | null; bulk: string | null };
  workers: WorkerInfo[];
}

/** A wait for one job's end. For a job that may have ended before it began (a replay), begin, then `read`. Disposing it frees it at once; an `ended` under way then answers null. */
export interface Wait extends Disposable {
  /**
   * @param ms how long to wait
   * @returns the ended record, or null when `ms` passed or `signal` aborted first
   * @throws gone when the job was erased before its end could be read, unavailable when Redis is away at the end of `ms`
   */
  ended(ms: number, signal?: AbortSignal): Promise<JobRecord | null>;
}

/** Follows one job's changes of status. Disposing it frees it at once. */
export interface Follow extends Disposable {
  /**
   * Resolves when the job's status may have changed since `follow` or the last call (also after a reconnect), when `ms` have passed,
   * or when `signal` aborts: read the record then. True unless time was up.
   */
  changed(ms: number, signal?: AbortSignal): Promise<boolean>;
}

/** A webhook that is due, leased to one worker until it reports or the lease ends. */
export interface Delivery {
  /** The job as it ended. */
  job: JobRecord;
  /** `webhook-id`: the same on every try. */
  webhookId: string;
  url: string;
  /** 1 for the first try. Names the lease, as `attempt` of a claimed job does. */
  attempt: number;
  /** When the job ended: retries stop a day later. */
  endedAt: number;
}

/** What came of a try. */
export type DeliveryOutcome = { attempt: WebhookAttempt } & (
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
export interface JobQueue {
  /** @throws queue_full (with retryAfterMs; nothing is reserved then), idempotency_conflict, unavailable */
  submit(job: NewJob): Promise<Submitted>;
  /** Begin before `submit`: nothing that happens after is missed. */
  wait(id: string): Wait;
  /** Begin before the first `read`: no change after it is missed. */
  follow(id: string): Follow;
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
 * Runs one delivered job: claims it, then ends or releases it. After a throw it is delivered again with back-off.
 * `signal` aborts when the outcome is no longer wanted: the job was canceled, or was delivered to another.
 */
export type JobHandler = (id: string, signal: AbortSignal) => Promise<void>;

export interface Consumer {
  /** Stops taking jobs; resolves when those in hand are done. */
  close(): Promise<void>;
}

/** The worker's side. */
export interface WorkQueue {
  consume(queue: QueueName, options: { concurrency: number }, handler: JobHandler): Promise<Consumer>;
  /** Counts an attempt. Null when the job has ended, is gone, is held by a live claim, or has just been ended at its attempt limit. */
  claim(id: string, workerId: string): Promise<ClaimedJob | null>;
  /** The image bytes of an inline job; null when they are gone. */
  blob(id: string): Promise<Buffer | null>;
  /** The record says `processing` from here on. False when the job has ended or the claim is stale: drop it. */
  start(id: string, attempt: number): Promise<boolean>;
  /** False when the job had ended or the claim is stale: the outcome is discarded. */
  finish(id: string, attempt: number, outcome: Outcome): Promise<boolean>;
  /** Gives a claimed job back to its queue, to be run again after `delayMs`. */
  release(id: string, attempt: number, delayMs: number): Promise<boolean>;
  /** Tells when a job in this worker's hands is canceled. */
  onCancel(listener: (id: string) => void): () => void;
  /**
   * Leases webhooks that are due, at most `max`, and of one host at most `perHost` at a time over all workers. Resolves with none
   * when none is due.
   */
  takeDeliveries(max: number, perHost: number, leaseMs: number): Promise<Delivery[]>;
  /** Reports a try. False when the lease was lost: somebody else tries. */
  reportDelivery(delivery: Delivery, outcome: DeliveryOutcome): Promise<boolean>;
  /** Called when a webhook may have become due; there may be none. */
  onDelivery(listener: () => void): () => void;
  heartbeat(info: WorkerInfo): Promise<void>;
  ping(): Promise<void>;
  close(): Promise<void>;
}
