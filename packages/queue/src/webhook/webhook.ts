import type { BatchRecord } from '../batch/batch.ts';
import type { JobRecord } from '../job/job.ts';

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
