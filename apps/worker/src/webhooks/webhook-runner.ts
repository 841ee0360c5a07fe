import type { Registry } from '@facequeue/metrics';
import type { WorkerQueue } from '@facequeue/queue';
import { createGuardedPoster } from '@facequeue/source';
import type { WorkerConfig } from '../config.ts';
import type { Logger } from '../log.ts';
import type { Runner } from '../runner.ts';
import { startDispatcher } from './dispatcher.ts';
import { RETRY_SCHEDULE } from './retry-schedule.ts';

/** What a try may take beyond its time limit, ms: the rest of an answer, and the report. */
const AFTER_TRY_MS = 5000;

/** Delivers webhooks, under the guard of addresses that image URLs are under. */
export function startWebhookRunner(queue: WorkerQueue, config: WorkerConfig, log: Logger, metrics: Registry): Runner {
  const poster = createGuardedPoster({
    connectMs: config.SOURCE_CONNECT_TIMEOUT,
    totalMs: config.WEBHOOK_TIMEOUT,
    allow: config.SOURCE_ALLOW,
  });
  const dispatcher = startDispatcher({
    queue,
    poster,
    secrets: config.WEBHOOK_SECRETS,
    basePath: config.BASE_PATH,
    schedule: RETRY_SCHEDULE,
    concurrency: config.WEBHOOK_CONCURRENCY,
    leaseMs: config.WEBHOOK_TIMEOUT + AFTER_TRY_MS,
    log,
    metrics,
    now: Date.now,
    random: Math.random,
  });
  return { drain: () => dispatcher.close(), abort: () => dispatcher.abandon(), end: () => poster.close() };
}
