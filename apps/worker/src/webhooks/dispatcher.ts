import type { Registry } from '@facequeue/metrics';
import type { WebhookDelivery, WebhookOutcome, WorkerQueue } from '@facequeue/queue';
import { startPollLoop } from '../poll-loop.ts';
import { type AttemptDeps, attemptDelivery } from './attempt.ts';
import { subjectOf } from './event.ts';

/** Deliveries to one host at a time, over all workers: one that is slow or dead binds no more than these. */
const PER_HOST = 4;

export interface DispatcherOptions extends AttemptDeps {
  queue: Pick<WorkerQueue, 'leaseWebhooks' | 'reportWebhook' | 'onWebhookDue'>;
  metrics: Registry;
  /** Tries in flight at a time. */
  concurrency: number;
  /** How long a delivery is this worker's before another may try it, ms: longer than a try and its report take. */
  leaseMs: number;
}

/** How tries are counted. */
const OUTCOMES = { delivered: 'delivered', pending: 'retry', failed: 'failed', gone: 'gone' } as const satisfies Record<
  WebhookOutcome['status'],
  string
>;

/** Delivers webhooks that are due. */
export interface WebhookDispatcher {
  /** Takes no more; resolves when those in flight are reported. */
  close(): Promise<void>;
  /** Gives up those in flight: they are tried again, by whoever, when their leases end. */
  abandon(): void;
}

export function startDispatcher(options: DispatcherOptions): WebhookDispatcher {
  const { queue, concurrency, leaseMs } = options;
  const abandoned = new AbortController();
  const count = (outcome: (typeof OUTCOMES)[keyof typeof OUTCOMES] | 'lost') =>
    options.metrics.count('facequeue_webhook_tries_total', { outcome });

  const carry = async (delivery: WebhookDelivery) => {
    const { url, attempt } = delivery;
    // A path or query may hold what only the receiver should see.
    const log = options.log.child({ ...subjectOf(delivery).named, attempt, receiver: URL.parse(url)?.host });
    try {
      const outcome = await attemptDelivery(options, delivery, abandoned.signal);
      const reported = await queue.reportWebhook(delivery, outcome);
      count(reported ? OUTCOMES[outcome.status] : 'lost');
      const told = { status: outcome.status, answered: outcome.attempt.status, error: outcome.attempt.error };
      if (!reported) log.debug(told, 'webhook discarded: erased, or its lease was lost');
      else if (outcome.status === 'delivered') log.debug(told, 'webhook delivered');
      else log.info(told, outcome.status === 'pending' ? 'webhook will be tried again' : 'webhook given up');
    } catch (error) {
      count('lost');
      log.warn({ err: error }, 'webhook left to its lease');
    }
  };

  const pollLoop = startPollLoop({
    what: 'webhooks',
    take: (room) => queue.leaseWebhooks(room, PER_HOST, leaseMs),
    carry,
    listen: (ring) => queue.onWebhookDue(ring),
    concurrency,
    log: options.log,
  });
  return { close: () => pollLoop.close(), abandon: () => abandoned.abort(new Error('the worker is stopping')) };
}
