import type { BatchRecord } from '../batch/batch.ts';
import type { JobRecord } from '../job/job.ts';
import type { WebhookAttempt } from './webhook.ts';

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
