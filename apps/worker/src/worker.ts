import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { Registry, startProcessFigures } from '@facequeue/metrics';
import { admissionLimits, openWorkerQueue } from '@facequeue/queue';
import { isImageQueue } from '@facequeue/schema';
import type { Logger } from '@facequeue/service';
import { settlesInTime } from '@facequeue/time';
import packageJson from '../package.json' with { type: 'json' };
import type { WorkerConfig } from './config.ts';
import { type Heartbeat, startHeartbeat } from './health/heartbeat.ts';
import { type Checks, type HealthServer, startHealthServer } from './health/server.ts';
import { type EngineReport, type ImageRunner, startImageRunner } from './images/image-runner.ts';
import type { Runner } from './runner.ts';
import { startTaskRunner } from './tasks/task-runner.ts';
import { startWebhookRunner } from './webhooks/webhook-runner.ts';

/** Gateways count workers whose last heartbeat is at most 15 s old. */
const HEARTBEAT_MS = 2000;
const NO_ENGINES: EngineReport = { device: null, models: null, engines: 0, busy: 0, load: 0 };

/** Time to release the active jobs at the end of the grace period, ms; again, to close connections. */
const RELEASE_MS = 3000;

/** A running worker. */
export interface Worker {
  readonly id: string;
  /**
   * Stops in order: takes nothing new, lets active jobs end within the grace period, releases the others, then ends the engines.
   */
  stop(): Promise<void>;
}

/**
 * Wires the queue and the runners of images, tasks and webhooks. Resolves when the worker takes work.
 * @param engineEnv the whole environment of engine processes
 * @throws EngineStartError, or unavailable when Redis cannot be reached, or the listen error of the health port
 */
export async function startWorker(
  config: WorkerConfig,
  engineEnv: Record<string, string>,
  log: Logger,
): Promise<Worker> {
  const id = `${hostname()}-${process.pid}-${randomBytes(3).toString('hex')}`;
  const identity = { id, version: packageJson.version, startedAt: Date.now() };
  if (config.SOURCE_CREDENTIALS_FILE.readableByAll)
    log.warn('every user of this machine can read SOURCE_CREDENTIALS_FILE: take the permission away (chmod o-r)');
  const queue = await openWorkerQueue({
    url: config.REDIS_URL,
    prefix: config.QUEUE_PREFIX,
    maxAttempts: config.MAX_ATTEMPTS,
    limits: admissionLimits(config),
    onError: (error) => log.warn({ err: error }, 'queue error'),
  });

  const metrics = new Registry('worker');
  const processMetrics = startProcessFigures(metrics);
  metrics.read(() => [
    {
      name: 'facequeue_info',
      labels: { app: 'worker', version: packageJson.version, node: process.version },
      value: 1,
    },
  ]);
  const imageQueues = config.WORKER_QUEUES.filter(isImageQueue);
  let images: ImageRunner | undefined;
  let heartbeat: Heartbeat | undefined;
  let taking = false;
  const checks: Checks = {
    redis: () => queue.ping(),
    ...(imageQueues.length > 0 && { engines: async () => images?.check() }),
    taking: async () => {
      if (!taking) throw new Error('starting or stopping');
    },
  };
  let health: HealthServer | undefined;
  if (config.WORKER_PORT > 0) health = await startHealthServer(config.WORKER_HOST, config.WORKER_PORT, checks, metrics);

  const runners: Runner[] = [];
  if (imageQueues.length > 0) {
    const onReportChange = () => heartbeat?.beatSoon();
    images = await startImageRunner(imageQueues, {
      queue,
      workerId: id,
      config,
      engineEnv,
      log,
      metrics,
      onReportChange,
    });
    runners.push(images);
  }
  if (config.WORKER_QUEUES.includes('bulk')) runners.push(startTaskRunner(queue, config, log, metrics));
  if (config.WORKER_QUEUES.includes('webhooks')) runners.push(startWebhookRunner(queue, config, log, metrics));
  heartbeat = await startHeartbeat(
    async () => {
      const engines = images ? images.report() : NO_ENGINES;
      if (engines) await queue.heartbeat({ ...identity, ...engines, queues: config.WORKER_QUEUES });
    },
    HEARTBEAT_MS,
    log,
  );
  taking = true;

  return {
    id,
    async stop() {
      taking = false;
      heartbeat?.[Symbol.dispose]();
      const drained = Promise.all(runners.map((runner) => runner.drain()));
      if (!(await settlesInTime(drained, config.SHUTDOWN_GRACE))) {
        for (const runner of runners) runner.abort();
        // Jobs that are not released in time (Redis is unreachable) are found by the stall check.
        await settlesInTime(drained, RELEASE_MS);
      }
      health?.close();
      processMetrics[Symbol.dispose]();
      const closed = Promise.all(runners.map((runner) => runner.close())).then(() => queue.close());
      await settlesInTime(closed, RELEASE_MS);
    },
  };
}
