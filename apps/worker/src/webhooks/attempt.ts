import type { WebhookAttempt, WebhookDelivery, WebhookOutcome } from '@facequeue/queue';
import { isFacequeueError, type WebhookSecrets } from '@facequeue/schema';
import type { GuardedPoster, PostAnswer } from '@facequeue/source';
import type { Logger } from '../log.ts';
import { eventBody, subjectOf } from './event.ts';
import { nextAttemptAt, type RetrySchedule } from './retry-schedule.ts';
import { signedHeaders } from './signature.ts';

/** What webhooks are delivered with. */
export interface AttemptDeps {
  poster: Pick<GuardedPoster, 'post'>;
  secrets: WebhookSecrets;
  /** Prefix of links. */
  basePath: string;
  schedule: RetrySchedule;
  log: Logger;
  /** Unix milliseconds. */
  now(): number;
  /** 0..1, for jitter. */
  random(): number;
}

/** How a try went: taken, or why not. */
interface AttemptResult {
  status: 'delivered' | 'failed' | 'gone' | 'pending';
  /** What the receiver answered, if it did. */
  answered: number | null;
  /** Public. */
  error: string | null;
  retryAfterMs?: number | undefined;
}

/**
 * Signs a webhook and posts it once.
 * @returns what is to be reported
 * @throws the signal's reason when it aborts: nothing is known then
 */
export async function attemptDelivery(
  room: AttemptDeps,
  delivery: WebhookDelivery,
  signal: AbortSignal,
): Promise<WebhookOutcome> {
  const at = room.now();
  const began = performance.now();
  const { retryAfterMs, ...verdict } = await verdictOf(room, delivery, at, signal);
  const attempt: WebhookAttempt = {
    at,
    status: verdict.answered,
    error: verdict.error,
    ms: Math.round(performance.now() - began),
  };
  if (verdict.status !== 'pending') return { status: verdict.status, attempt };
  const { attempt: count, endedAt } = delivery;
  const nextAt = nextAttemptAt(
    { attempt: count, now: room.now(), endedAt, retryAfterMs, random: room.random() },
    room.schedule,
  );
  return nextAt === null ? { status: 'failed', attempt } : { status: 'pending', nextAt, attempt };
}

async function verdictOf(
  room: AttemptDeps,
  delivery: WebhookDelivery,
  at: number,
  signal: AbortSignal,
): Promise<AttemptResult> {
  const secrets = room.secrets.get(subjectOf(delivery).owner);
  // The gateway refuses such webhooks: workers have older settings than it. A roll-out may mend that before the next try.
  if (!secrets) return ended('pending', 'No secret that signs this webhook is configured (WEBHOOK_SECRETS).');
  try {
    const body = eventBody(delivery, room.basePath);
    const headers = signedHeaders(delivery.webhookId, body, secrets, at);
    return judge(await room.poster.post(delivery.url, headers, body, signal));
  } catch (error) {
    signal.throwIfAborted();
    if (!isFacequeueError(error)) {
      room.log.error({ err: error, ...subjectOf(delivery).named }, 'fault in a webhook');
      return ended('pending', 'Internal error.');
    }
    // What may not be reached, or is no URL, stays so however often it is tried.
    const hopeless = error.code === 'source_forbidden' || error.code === 'invalid_request';
    return ended(hopeless ? 'failed' : 'pending', error.message);
  }
}

const ended = (status: AttemptResult['status'], error: string): AttemptResult => ({ status, answered: null, error });

/** What an answer means: 2xx is success, 410 asks for no more, anything else may be better later. */
function judge({ status, retryAfterMs }: PostAnswer): AttemptResult {
  if (status >= 200 && status < 300) return { status: 'delivered', answered: status, error: null };
  const redirect = status >= 300 && status < 400 ? '; redirects are not followed' : '';
  return {
    status: status === 410 ? 'gone' : 'pending',
    answered: status,
    error: `The receiver answered ${status}${redirect}.`,
    retryAfterMs,
  };
}
