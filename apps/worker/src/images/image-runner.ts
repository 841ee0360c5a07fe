import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Registry, Sample } from '@facequeue/metrics';
import type { PipelineOptions } from '@facequeue/pipeline';
import type { WorkerInfo, WorkerQueue } from '@facequeue/queue';
import type { QueueName } from '@facequeue/schema';
import type { Logger } from '@facequeue/service';
import { createImageSource, sourceOptions } from '@facequeue/source';
import type { WorkerConfig } from '../config.ts';
import type { TimeLimit } from '../engines/engine.ts';
import { engineLauncher } from '../engines/launcher.ts';
import type { EngineFacts } from '../engines/messages.ts';
import { EnginePool, type PoolStatus } from '../engines/pool.ts';
import { PRIORITY_CLASSES } from '../engines/priority.ts';
import { FetchPool, type FetchPoolStatus } from '../fetching/fetch-pool.ts';
import type { Runner } from '../runner.ts';
import { ActiveJobs } from './active-jobs.ts';
import { createJobHandler } from './job-handler.ts';
import { QUEUE_POLICIES } from './queues.ts';

/** What a worker's heartbeat reports about its engines. */
export type EngineReport = Pick<WorkerInfo, 'device' | 'models' | 'engines' | 'busy' | 'load' | 'fetching'>;

/** Detects faces in images. */
export interface ImageRunner extends Runner {
  /** @throws when no engine is up */
  check(): Promise<void>;
  /** Null while no engine is up, so that gateways do not count this worker. */
  report(): EngineReport | null;
}

/**
 * Starts the engines. Resolves when the worker takes jobs of `queues`.
 * @param engineEnv the whole environment of engine processes
 * @throws EngineStartError, or unavailable when Redis cannot be reached
 */
export async function startImageRunner(
  queues: QueueName[],
  {
    queue,
    workerId,
    config,
    engineEnv,
    log,
    metrics,
    onReportChange,
  }: {
    queue: WorkerQueue;
    workerId: string;
    config: WorkerConfig;
    engineEnv: Record<string, string>;
    log: Logger;
    metrics: Registry;
    /** Called when `report` says something else that gateways should know soon. */
    onReportChange: () => void;
  },
): Promise<ImageRunner> {
  const settings: PipelineOptions = { packPath: config.MODEL_PACK, device: config.DEVICE };
  const engines = await EnginePool.start(
    {
      module: fileURLToPath(new URL('../engines/main.ts', import.meta.url)),
      settings,
      env: engineEnv,
      launcher: engineLauncher(),
    },
    { timeLimit: timeLimit(config.ENGINE_TIMEOUT), maxRssBytes: config.ENGINE_MAX_RSS },
    (first) => engineCount(config.ENGINES, first),
    log,
    metrics,
  );
  const { device, reason, models } = engines.facts;
  const { size } = engines.status();
  log.info({ device, reason, models, engines: size, queues }, 'engines are warm');

  const source = createImageSource(sourceOptions(config));
  const fetches = new FetchPool({
    source,
    engines: size,
    concurrency: config.FETCH_CONCURRENCY,
    maxBytes: config.MAX_FETCH_BYTES,
    onAwayChange: onReportChange,
  });
  const activeJobs = new ActiveJobs();
  const handler = createJobHandler({
    workerId,
    queue,
    fetches,
    engines,
    activeJobs,
    log,
    metrics,
    random: Math.random,
  });
  const consumers = await Promise.all(
    queues.map((name) => queue.consume(name, { concurrency: QUEUE_POLICIES[name].activeJobs(size) }, handler)),
  );
  metrics.read(() => [...engineSamples(engines.status()), ...fetchSamples(fetches.status())]);

  return {
    async check() {
      if (engines.status().ready === 0) throw new Error('no engine is up');
    },
    report() {
      const { ready, busy, load } = engines.status();
      return ready === 0 ? null : { device, models, engines: size, busy, load, fetching: fetches.away() };
    },
    async drain() {
      // Jobs that wait for slow hosts may take longer than the grace period; another worker takes them.
      fetches.drain();
      await Promise.all(consumers.map((consumer) => consumer.close()));
    },
    abort: () => activeJobs.abortAll(),
    async close() {
      fetches.close();
      await Promise.all([engines.close(), source.close()]);
    },
  };
}

function engineSamples({ size, ready, busy, queued, rss }: PoolStatus): Sample[] {
  const state = 'facequeue_worker_engines';
  return [
    { name: state, labels: { state: 'all' }, value: size },
    { name: state, labels: { state: 'ready' }, value: ready },
    { name: state, labels: { state: 'busy' }, value: busy },
    ...PRIORITY_CLASSES.map(
      (priority): Sample => ({
        name: 'facequeue_permits_waiting',
        labels: { lane: priority },
        value: queued[priority],
      }),
    ),
    ...rss.map(
      (bytes, i): Sample => ({
        name: 'facequeue_engine_resident_memory_bytes',
        labels: { engine: String(i) },
        value: bytes,
      }),
    ),
  ];
}

function fetchSamples({ resolving, waiting, fetching, fetched, bytes }: FetchPoolStatus): Sample[] {
  const name = 'facequeue_worker_fetches';
  return [
    { name, labels: { state: 'resolving' }, value: resolving },
    { name, labels: { state: 'waiting' }, value: waiting },
    { name, labels: { state: 'fetching' }, value: fetching },
    { name, labels: { state: 'fetched' }, value: fetched },
    { name: 'facequeue_worker_fetch_bytes', labels: {}, value: bytes },
  ];
}

/**
 * Measured: landmarks, gender and age of a face take 7 to 8 ms of CPU time on one core, 14 ms on a core that others use, too. 40 ms at
 * the default of 8 s is three times that. As a share of the setting it grows where an operator raises that for a slow device.
 */
const FACE_SHARE = 1 / 200;

const timeLimit = (engineTimeoutMs: number): TimeLimit => ({
  baseMs: engineTimeoutMs,
  faceMs: engineTimeoutMs * FACE_SHARE,
});

/** `auto`: a CPU engine has one thread, so one per core; several processes share a GPU badly, so one. */
function engineCount(setting: WorkerConfig['ENGINES'], first: EngineFacts): number {
  if (setting !== 'auto') return setting;
  return first.device === 'cpu' ? availableParallelism() : 1;
}
