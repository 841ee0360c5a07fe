import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Registry, Sample } from '@facequeue/metrics';
import type { PipelineOptions } from '@facequeue/pipeline';
import { imageLimits } from '@facequeue/pipeline/variables';
import type { WorkerInfo, WorkerQueue } from '@facequeue/queue';
import type { QueueName } from '@facequeue/schema';
import type { Logger } from '@facequeue/service';
import { createImageSource, sourceOptions } from '@facequeue/source';
import type { WorkerConfig } from '../config.ts';
import { EngineStartError } from '../engines/engine.ts';
import { deviceEnvironment, planEngines } from '../engines/engine-plan.ts';
import { engineLauncher } from '../engines/launcher.ts';
import { EnginePool, type PoolStatus } from '../engines/pool.ts';
import { PRIORITY_CLASSES } from '../engines/priority.ts';
import { gpuDevices, NO_SANDBOX, prepareSandbox, REQUIRED, type Sandbox } from '../engines/sandbox.ts';
import { timeLimit } from '../engines/time-limit.ts';
import { FetchPool, type FetchPoolStatus } from '../fetching/fetch-pool.ts';
import type { Runner } from '../runner.ts';
import { ActiveJobs } from './active-jobs.ts';
import { createJobHandler } from './job-handler.ts';
import { QUEUE_POLICIES } from './queues.ts';

/** What a worker's heartbeat reports about its engines. */
export type EngineReport = Pick<WorkerInfo, 'device' | 'models' | 'engines' | 'busy' | 'load' | 'fetching' | 'sandbox'>;

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
  // Relative to the folder of this process: engines run in another.
  const packPath = resolve(config.MODEL_PACK);
  const module = fileURLToPath(new URL('../engines/main.ts', import.meta.url));
  const software = 'VK_ICD_FILENAMES' in engineEnv || 'VK_DRIVER_FILES' in engineEnv;
  using stack = new DisposableStack();
  const sandbox = stack.use(openSandbox(config, [module, packPath], software));
  const program = {
    module,
    env: { ...engineEnv, ...(sandbox.scratch !== null && { TMPDIR: sandbox.scratch }) },
    launcher: engineLauncher(sandbox),
    cwd: sandbox.scratch ?? undefined,
  };
  const plan = await planEngines(config, packPath, program, software);
  const settings: PipelineOptions = { packPath, device: plan.device, limits: imageLimits(config) };
  const engines = await EnginePool.start(
    { ...program, settings, env: { ...deviceEnvironment(plan.device), ...program.env } },
    { timeLimit: timeLimit(config), maxRssBytes: config.ENGINE_MAX_RSS },
    plan.engines,
    log,
    metrics,
  );
  const { device, models } = engines.facts;
  const { size } = engines.status();
  const { reason, limitedBy } = plan;
  log.info({ device, reason, models, engines: size, limited_by: limitedBy, queues }, 'engines are warm');
  logSandbox(sandbox, log);

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

  const kept = stack.move();
  return {
    async check() {
      if (engines.status().ready === 0) throw new Error('no engine is up');
    },
    report() {
      const { ready, busy, load } = engines.status();
      if (ready === 0) return null;
      const confined = { in_force: [...sandbox.inForce], missing: [...sandbox.missing] };
      return { device, models, engines: size, busy, load, fetching: fetches.away(), sandbox: confined };
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
      kept.dispose();
    },
  };
}

/**
 * @param software whether the environment names a Vulkan driver
 * @throws EngineStartError when it must be in force and cannot be
 */
function openSandbox({ ENGINE_SANDBOX, DEVICE }: WorkerConfig, readable: string[], software: boolean): Sandbox {
  if (ENGINE_SANDBOX === 'off') {
    return NO_SANDBOX;
  }
  const gpu = DEVICE === 'auto' ? software || gpuDevices().length > 0 : DEVICE !== 'cpu';
  const sandbox = prepareSandbox({ readable, gpu });
  const lacking = REQUIRED.filter((protection) => sandbox.missing.includes(protection));
  if (ENGINE_SANDBOX === 'require' && lacking.length > 0) {
    sandbox[Symbol.dispose]();
    throw new EngineStartError(
      `ENGINE_SANDBOX=require, but engines would run without ${lacking.join(', ')}; util-linux (setpriv, prlimit) is needed`,
    );
  }
  return sandbox;
}

function logSandbox(sandbox: Sandbox, log: Logger): void {
  const facts = { in_force: sandbox.inForce, missing: sandbox.missing };
  if (sandbox === NO_SANDBOX) log.warn('engines run without a sandbox (ENGINE_SANDBOX=off)');
  else if (REQUIRED.every((protection) => sandbox.inForce.includes(protection)))
    log.info(facts, 'engines are confined');
  else log.warn(facts, 'engines are not confined: is util-linux missing?');
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
