import type { DetectionOptions, ErrorCode, ImageFacts, JobStatus, QueueName, Timings } from '@facequeue/schema';
import type { WebhookState } from '../webhook/webhook.ts';

/** Where a job's image comes from: bytes submitted with the job, or a reference that the worker fetches. */
export type JobSource = { kind: 'inline' } | { kind: 'url'; url: string };

/** What `GatewayQueue.submit` takes. */
export interface NewJob {
  /** UUIDv7 from `newJobId`. The caller makes it, so that it can begin to wait before it submits. */
  id: string;
  queue: QueueName;
  source: { kind: 'inline'; bytes: Uint8Array } | { kind: 'url'; url: string };
  options: DetectionOptions;
  /** `X-Request-Id` of the call, for logs from HTTP to engine and back. */
  requestId: string;
  /** Name of the API key that submits; empty in open mode. */
  owner: string;
  /** Whose turns and shares it counts in: its owner's, unless this names another. */
  flow?: string;
  /** How many jobs, items and frames of its flow may wait; absent: no such limit. */
  maxPending?: number;
  /** Milliseconds from now after which the job, if it has not started, ends `expired`. */
  startTimeoutMs: number;
  /** Milliseconds a synchronous caller will wait: refused when the estimated wait is longer. Absent: no such check. */
  waitMs?: number;
  /**
   * `key` names the call within its API key and route (a hash; no user text); `fingerprint` is a hash of its content.
   * The same key with the same fingerprint returns the job that has the key; another fingerprint is refused. The key lives as long
   * as the record.
   */
  idempotency?: { key: string; fingerprint: string };
  /** A signed POST is sent here when the job ends. */
  webhookUrl?: string;
  /** Largest image that a worker may fetch for it; absent: as large as the worker takes. */
  maxImageBytes?: number;
}

/** What `submit` returns. Times are Unix milliseconds. */
export interface SubmitResult {
  /** The submitted job's id, or that of the job which has the idempotency key. */
  id: string;
  createdAt: number;
  expiresAt: number;
  /** True when an earlier call with the same idempotency key made the job. */
  replayed: boolean;
}

/** A job as its record has it. Times are Unix milliseconds. */
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
  /** Of a live job: when it ends `expired`. Of an ended one: when it is erased. */
  expiresAt: number;
  attempts: number;
  image: ImageFacts | null;
  timings: Timings;
  error: { code: ErrorCode; detail: string } | null;
  /** The compact result of a succeeded job, as the worker stored it. */
  result: Buffer | null;
  /** What `detail=true` adds to the result, compact too; absent without it. */
  details?: Buffer;
  /** Null for a job without webhook. */
  webhook: WebhookState | null;
  /** The camera of a frame and, where its sender said so, when it was taken; null for any other job. */
  frame: { camera: string; takenAt: number | null } | null;
}

/** What a worker gets to run. */
export interface ClaimedJob {
  id: string;
  /** 1 for the first attempt. Names this claim: `start`, `finish` and `release` refuse an older one, that of a stale worker. */
  attempt: number;
  queue: QueueName;
  source: JobSource;
  options: DetectionOptions;
  requestId: string;
  createdAt: number;
  /** Name of the API key that submitted it; empty in open mode. */
  owner: string;
  /** Whose turns and shares it counts in. */
  flow: string;
  /** Largest image that may be fetched for it; null: as large as this worker takes. */
  maxImageBytes: number | null;
}

/** How a job ends. */
export type Outcome =
  | { status: 'succeeded'; result: Uint8Array; details?: Uint8Array | null; image: ImageFacts; timings: Timings }
  | { status: 'failed'; error: { code: ErrorCode; detail: string }; image?: ImageFacts; timings?: Timings };
