import type { Registry } from '@facequeue/metrics';
import type { WorkerQueue } from '@facequeue/queue';
import { createGuardedPoster } from '@facequeue/source';
import type { WorkerConfig } from '../config.ts';
import type { Duty } from '../duty.ts';
import type { Logger } from '../log.ts';
import { startCourier } from './courier.ts';
import { DAY_OF_TRIES } from './schedule.ts';

/** What a try may take beyond its time limit, ms: the rest of an answer, and the report. */
const AFTER_TRY_MS = 5000;

/** Delivers webhooks, under the guard of addresses that image URLs are under. */
export function startWebhookDuty(queue: WorkerQueue, config: WorkerConfig, log: Logger, metrics: Registry): Duty {
  const poster = createGuardedPoster({
    connectMs: config.SOURCE_CONNECT_TIMEOUT,
    totalMs: config.WEBHOOK_TIMEOUT,
    allow: config.SOURCE_ALLOW,
  });
  const courier = startCourier({
    queue,
    poster,
    secrets: config.WEBHOOK_SECRETS,
    basePath: config.BASE_PATH,
    schedule: DAY_OF_TRIES,
    concurrency: config.WEBHOOK_CONCURRENCY,
    leaseMs: config.WEBHOOK_TIMEOUT + AFTER_TRY_MS,
    log,
    metrics,
    now: Date.now,
    random: Math.random,
  });
  return { drain: () => courier.close(), giveBack: () => courier.abandon(), end: () => poster.close() };
}
