import type { Registry } from '@facequeue/metrics';
import type { WebhookDelivery, WebhookOutcome, WorkerQueue } from '@facequeue/queue';
import { PollLoop } from '@facequeue/time';
import { type AttemptDeps, attemptDelivery } from './attempt.ts';
import { subjectOf } from './subject.ts';

/** Deliveries to one host at a time, over all workers: a slow or dead host occupies no more than these. */
const PER_HOST = 4;
/** Most attempts that have left their place, as a multiple of the others. */
const SLOW_FACTOR = 3;

export interface DispatcherOptions extends AttemptDeps {
  queue: Pick<WorkerQueue, 'leaseWebhooks' | 'reportWebhook' | 'onWebhookDue'>;
  metrics: Registry;
  /** Attempts in flight at a time. */
  concurrency: number;
  /** An attempt that has waited for its receiver for so long leaves its place to another one, ms. */
  slowMs: number;
  /** Lease of a delivery, ms: longer than an attempt and its report take. When it ends, another worker may attempt the delivery. */
  leaseMs: number;
}

/** Values of the metric's label. */
const OUTCOMES = { delivered: 'delivered', pending: 'retry', failed: 'failed', gone: 'gone' } as const satisfies Record<
  WebhookOutcome['status'],
  string
>;

/** Delivers webhooks that are due. */
export interface WebhookDispatcher {
  /** Leases no more; resolves when the attempts in flight are reported. */
  close(): Promise<void>;
  /** Aborts the attempts in flight; workers repeat them when their leases end. */
  abandon(): void;
}

export function startDispatcher(options: DispatcherOptions): WebhookDispatcher {
  const { queue, concurrency, slowMs, leaseMs } = options;
  const abandoned = new AbortController();
  const count = (outcome: (typeof OUTCOMES)[keyof typeof OUTCOMES] | 'lost') =>
    options.metrics.count('facequeue_webhook_tries_total', { outcome });

  const deliver = async (delivery: WebhookDelivery) => {
    const { url, attempt } = delivery;
    // Only the host: path and query may hold secrets of the receiver.
    const log = options.log.child({ ...subjectOf(delivery).ids, attempt, receiver: URL.parse(url)?.host });
    try {
      const outcome = await attemptDelivery(options, delivery, abandoned.signal);
      const reported = await queue.reportWebhook(delivery, outcome);
      count(reported ? OUTCOMES[outcome.status] : 'lost');
      const facts = {
        status: outcome.status,
        receiver_status: outcome.attempt.status,
        error: outcome.attempt.error,
      };
      if (!reported) log.debug(facts, 'webhook discarded, it was erased or its lease was lost');
      else if (outcome.status === 'delivered') log.debug(facts, 'webhook delivered');
      else log.info(facts, outcome.status === 'pending' ? 'webhook failed, retrying' : 'webhook failed');
    } catch (error) {
      count('lost');
      log.warn({ err: error }, 'webhook left to its lease');
    }
  };

  const loop = new PollLoop({
    take: (room) => queue.leaseWebhooks(room, PER_HOST, leaseMs),
    run: deliver,
    concurrency,
    slow: { afterMs: slowMs, atATime: SLOW_FACTOR * concurrency },
    onError: (error) => options.log.warn({ err: error }, 'cannot poll webhooks'),
    subscribe: (wake) => queue.onWebhookDue(wake),
  });
  return { close: () => loop.close(), abandon: () => abandoned.abort(new Error('the worker is stopping')) };
}
