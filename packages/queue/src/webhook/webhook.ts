import type { BatchRecord } from '../batch/batch.ts';
import type { JobRecord } from '../job/job.ts';

/** One attempt to deliver a webhook. Times are Unix milliseconds. */
export interface WebhookAttempt {
  at: number;
  /** Status the receiver answered; null when it did not answer. */
  status: number | null;
  /** Public text of what went wrong; null when nothing did. */
  error: string | null;
  ms: number;
}

/** The webhook of a job or batch. `waiting` until that ends; `gone`: the receiver answered 410. */
export interface WebhookState {
  url: string;
  status: 'waiting' | 'pending' | 'delivered' | 'failed' | 'gone';
  /** The last few attempts, oldest first. */
  attempts: WebhookAttempt[];
  /** When the next attempt is due; null when there will be none. */
  nextAt: number | null;
}

/** What a webhook reports, as it ended. */
export type WebhookSubject = { kind: 'job'; job: JobRecord } | { kind: 'batch'; batch: BatchRecord };

/** A webhook that is due, leased to one worker until it reports or the lease ends. */
export interface WebhookDelivery {
  subject: WebhookSubject;
  /** `webhook-id`: the same on every attempt. */
  webhookId: string;
  url: string;
  /** 1 for the first attempt. Names the lease, as `attempt` of a claimed job names the claim. */
  attempt: number;
  /** When its subject ended: retries stop a day later. */
  endedAt: number;
}

/** How an attempt went. */
export type WebhookOutcome = { attempt: WebhookAttempt } & (
  | { status: 'delivered' | 'failed' | 'gone' }
  | { status: 'pending'; nextAt: number }
);
