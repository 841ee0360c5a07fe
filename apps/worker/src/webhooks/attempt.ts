import type { WebhookAttempt, WebhookDelivery, WebhookOutcome } from '@facequeue/queue';
import { isFacequeueError, type WebhookSecrets } from '@facequeue/schema';
import { webhookEvent } from '@facequeue/schema/webhook-body';
import type { Logger } from '@facequeue/service';
import type { GuardedPoster, PostAnswer } from '@facequeue/source';
import { nextAttemptAt, type RetrySchedule } from './retry-schedule.ts';
import { signedHeaders } from './signature.ts';
import { subjectOf } from './subject.ts';

/** What an attempt works with. */
export interface AttemptDeps {
  poster: Pick<GuardedPoster, 'post'>;
  secrets: WebhookSecrets;
  /** Prefix of links in the body. */
  basePath: string;
  schedule: RetrySchedule;
  log: Logger;
  /** Unix milliseconds. */
  now(): number;
  /** 0..1, for jitter. */
  random(): number;
}

/** Result of an attempt: delivered, or why not. */
interface AttemptResult {
  status: 'delivered' | 'failed' | 'gone' | 'pending';
  /** The receiver's HTTP status, if it answered. */
  receiverStatus: number | null;
  /** Public. */
  error: string | null;
  retryAfterMs?: number | undefined;
}

/**
 * Signs a webhook and posts it once.
 * @returns the outcome to report to the queue
 * @throws the signal's reason when it aborts; whether the receiver has the webhook is then unknown
 */
export async function attemptDelivery(
  deps: AttemptDeps,
  delivery: WebhookDelivery,
  signal: AbortSignal,
): Promise<WebhookOutcome> {
  const at = deps.now();
  const startedAt = performance.now();
  const { status, receiverStatus, error, retryAfterMs } = await post(deps, delivery, at, signal);
  const attempt: WebhookAttempt = { at, status: receiverStatus, error, ms: Math.round(performance.now() - startedAt) };
  if (status !== 'pending') return { status, attempt };
  const nextAt = nextAttemptAt(
    { attempt: delivery.attempt, now: deps.now(), endedAt: delivery.endedAt, retryAfterMs, random: deps.random() },
    deps.schedule,
  );
  return nextAt === null ? { status: 'failed', attempt } : { status: 'pending', nextAt, attempt };
}

async function post(
  deps: AttemptDeps,
  delivery: WebhookDelivery,
  at: number,
  signal: AbortSignal,
): Promise<AttemptResult> {
  const secrets = deps.secrets.get(subjectOf(delivery).owner);
  // The gateway refuses webhooks without a secret, so this worker's settings are older than the gateway's. A roll-out may change
  // that before the next attempt.
  if (!secrets) return unanswered('pending', 'no secret that signs this webhook is configured (WEBHOOK_SECRETS)');
  try {
    const body = JSON.stringify(webhookEvent(delivery.subject, delivery.endedAt, deps.basePath));
    const headers = signedHeaders(delivery.webhookId, body, secrets, at);
    return toResult(await deps.poster.post(delivery.url, headers, body, signal));
  } catch (error) {
    signal.throwIfAborted();
    if (!isFacequeueError(error)) {
      deps.log.error({ err: error, ...subjectOf(delivery).ids }, 'internal error in a webhook');
      return unanswered('pending', 'internal error');
    }
    // A retry does not help against a forbidden address or a bad URL.
    const permanent = error.code === 'source_forbidden' || error.code === 'invalid_request';
    return unanswered(permanent ? 'failed' : 'pending', error.message);
  }
}

const unanswered = (status: AttemptResult['status'], error: string): AttemptResult => ({
  status,
  receiverStatus: null,
  error,
});

/** The meaning of an answer: 2xx is success, 410 means never again, anything else is retried. */
function toResult({ status, retryAfterMs }: PostAnswer): AttemptResult {
  if (status >= 200 && status < 300) return { status: 'delivered', receiverStatus: status, error: null };
  const redirect = status >= 300 && status < 400 ? '; redirects are not followed' : '';
  return {
    status: status === 410 ? 'gone' : 'pending',
    receiverStatus: status,
    error: `the receiver answered ${status}${redirect}`,
    retryAfterMs,
  };
}
