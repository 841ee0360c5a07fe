import type { Registry } from '@facequeue/metrics';
import type { WorkerQueue } from '@facequeue/queue';
import type { Logger } from '@facequeue/service';
import { createGuardedPoster } from '@facequeue/source';
import type { WorkerConfig } from '../config.ts';
import type { Runner } from '../runner.ts';
import { startDispatcher } from './dispatcher.ts';
import { RETRY_SCHEDULE } from './retry-schedule.ts';

/** Time of a lease beyond the time-out of the attempt, ms: for the rest of an answer, and for the report. */
const LEASE_MARGIN_MS = 5000;

/** Receivers answer in a tenth of that, or are waiting for something themselves, ms. */
const SLOW_MS = 1000;

/** Delivers webhooks, under the same guard of addresses as image URLs. */
export function startWebhookRunner(queue: WorkerQueue, config: WorkerConfig, log: Logger, metrics: Registry): Runner {
  const poster = createGuardedPoster({
    connectMs: config.SOURCE_CONNECT_TIMEOUT,
    totalMs: config.WEBHOOK_TIMEOUT,
    allow: config.SOURCE_ALLOW,
    only: config.SOURCE_ONLY,
  });
  const dispatcher = startDispatcher({
    queue,
    poster,
    secrets: config.WEBHOOK_SECRETS,
    basePath: config.BASE_PATH,
    schedule: RETRY_SCHEDULE,
    concurrency: config.WEBHOOK_CONCURRENCY,
    slowMs: SLOW_MS,
    leaseMs: config.WEBHOOK_TIMEOUT + LEASE_MARGIN_MS,
    log,
    metrics,
    now: Date.now,
    random: Math.random,
  });
  return { drain: () => dispatcher.close(), abort: () => dispatcher.abandon(), close: () => poster.close() };
}
