import { randomBytes } from 'node:crypto';
import { availableParallelism, hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { PipelineOptions } from '@facequeue/pipeline';
import { createWorkQueue } from '@facequeue/queue';
import { createImageSource, sourceOptions } from '@facequeue/source';
import packageJson from '../package.json' with { type: 'json' };
import type { WorkerConfig } from './config.ts';
import { engineLauncher } from './engine/lifeline.ts';
import type { EngineFacts } from './engine/messages.ts';
import { EnginePool } from './engine/pool.ts';
import { startHeartbeat } from './health/heartbeat.ts';
import { type HealthServer, startHealthServer } from './health/server.ts';
import { createJobHandler } from './jobs/handler.ts';
import { InHand } from './jobs/in-hand.ts';
import type { Logger } from './log.ts';

/** The gateway counts a worker seen within 15 s. */
const HEARTBEAT_MS = 2000;
/** Jobs in hand for each engine and queue: while one image is inside, the next is fetched. */
const JOBS_AN_ENGINE = 2;
/** Jobs that are given up when the grace is over have this long to reach their queue, ms. */
const GIVE_BACK_MS = 3000;

/** A running worker. */
export interface Worker {
  readonly id: string;
  /** Ends in order: no new jobs, those in hand finish within the grace or go back to their queue, then the engines end. */
  stop(): Promise<void>;
}

/**
 * Wires queue, sources and engines, and resolves when jobs are being taken.
 * @param engineEnv the whole environment of engine processes
 * @throws EngineStartError, or unavailable when Redis cannot be reached, or the listen error of the health port
 */
export async function startWorker(
  config: WorkerConfig,
  engineEnv: Record<string, string>,
  log: Logger,
): Promise<Worker> {
  const id = `${hostname()}-${process.pid}-${randomBytes(3).toString('hex')}`;
  const startedAt = Date.now();
  const queue = await createWorkQueue({
    url: config.REDIS_URL,
    prefix: config.QUEUE_PREFIX,
    maxAttempts: config.MAX_ATTEMPTS,
    onError: (error) => log.warn({ err: error }, 'queue trouble'),
  });
  const source = createImageSource(sourceOptions(config));
  const inHand = new InHand();

  const settings: PipelineOptions = { packPath: config.MODEL_PACK, device: config.DEVICE };
  const engines = await EnginePool.start(
    {
      module: fileURLToPath(new URL('./engine/main.ts', import.meta.url)),
      settings,
      env: engineEnv,
      launcher: engineLauncher(),
    },
    { timeoutMs: config.ENGINE_TIMEOUT, maxRssBytes: config.ENGINE_MAX_RSS },
    (first) => engineCount(config.ENGINES, first),
    log,
  );
  const { device, reason, models } = engines.facts;
  const { size } = engines.status();
  log.info({ device, reason, models, engines: size, queues: config.WORKER_QUEUES }, 'engines are warm');

  let stopping = false;
  const enginesUp = async () => {
    if (stopping || engines.status().ready === 0) throw new Error('no engine is up');
  };
  let health: HealthServer | undefined;
  if (config.WORKER_PORT > 0)
    health = await startHealthServer(config.WORKER_HOST, config.WORKER_PORT, {
      redis: () => queue.ping(),
      engines: enginesUp,
    });

  const handler = createJobHandler({ workerId: id, queue, source, engines, inHand, log, random: Math.random });
  const consumers = await Promise.all(
    config.WORKER_QUEUES.map((name) => queue.consume(name, { concurrency: JOBS_AN_ENGINE * size }, handler)),
  );
  const heartbeat = await startHeartbeat(
    async () => {
      const { ready, busy } = engines.status();
      if (ready === 0) return;
      await queue.heartbeat({
        id,
        version: packageJson.version,
        device,
        models,
        engines: size,
        queues: config.WORKER_QUEUES,
        busy,
        startedAt,
      });
    },
    HEARTBEAT_MS,
    log,
  );

  return {
    id,
    async stop() {
      stopping = true;
      heartbeat[Symbol.dispose]();
      const drained = Promise.all(consumers.map((consumer) => consumer.close()));
      const grace = new AbortController();
      const patience = sleep(config.SHUTDOWN_GRACE, 'late', { signal: grace.signal }).catch(() => {});
      if ((await Promise.race([drained, patience])) === 'late') {
        inHand.stop();
        // What does not get there in time (Redis is away) is found by the stall check.
        await Promise.race([drained, sleep(GIVE_BACK_MS)]);
      }
      grace.abort();
      await engines.close();
      health?.close();
      await Promise.race([Promise.all([source.close(), queue.close()]), sleep(GIVE_BACK_MS)]);
    },
  };
}

/** `auto`: a CPU engine has one thread, so one a core; a GPU is shared badly by several processes. */
function engineCount(asked: WorkerConfig['ENGINES'], first: EngineFacts): number {
  if (asked !== 'auto') return asked;
  return first.device === 'cpu' ? availableParallelism() : 1;
}
