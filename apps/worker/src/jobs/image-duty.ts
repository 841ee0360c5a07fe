import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { PipelineOptions } from '@facequeue/pipeline';
import type { WorkerInfo, WorkQueue } from '@facequeue/queue';
import type { QueueName } from '@facequeue/schema';
import { createImageSource, sourceOptions } from '@facequeue/source';
import type { WorkerConfig } from '../config.ts';
import type { Duty } from '../duty.ts';
import { engineLauncher } from '../engine/lifeline.ts';
import type { EngineFacts } from '../engine/messages.ts';
import { EnginePool } from '../engine/pool.ts';
import { startHeartbeat } from '../health/heartbeat.ts';
import type { Logger } from '../log.ts';
import { createJobHandler } from './handler.ts';
import { InHand } from './in-hand.ts';

/** The gateway counts a worker seen within 15 s. */
const HEARTBEAT_MS = 2000;
/**
 * Jobs in hand of a queue: while one image is inside an engine, the next is fetched. A frame is there already, and grows
 * old while it waits for an engine: one is kept ready for the next that is free.
 */
const IN_HAND: Record<QueueName, (engines: number) => number> = {
  interactive: (engines) => 2 * engines,
  bulk: (engines) => 2 * engines,
  cameras: (engines) => engines + 1,
};

/** Who the worker is, for gateways. */
export type Identity = Pick<WorkerInfo, 'id' | 'version' | 'startedAt'>;

/** Looking at images. */
export interface ImageDuty extends Duty {
  /** @throws when no engine is up */
  check(): Promise<void>;
}

/**
 * Starts engines, and resolves when jobs of `queues` are being taken and gateways have been told.
 * @param engineEnv the whole environment of engine processes
 * @throws EngineStartError, or unavailable when Redis cannot be reached
 */
export async function startImageDuty(
  queues: QueueName[],
  {
    queue,
    identity,
    config,
    engineEnv,
    log,
  }: {
    queue: WorkQueue;
    identity: Identity;
    config: WorkerConfig;
    engineEnv: Record<string, string>;
    log: Logger;
  },
): Promise<ImageDuty> {
  const settings: PipelineOptions = { packPath: config.MODEL_PACK, device: config.DEVICE };
  const engines = await EnginePool.start(
    {
      module: fileURLToPath(new URL('../engine/main.ts', import.meta.url)),
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
  log.info({ device, reason, models, engines: size, queues }, 'engines are warm');

  const source = createImageSource(sourceOptions(config));
  const inHand = new InHand();
  const handler = createJobHandler({ workerId: identity.id, queue, source, engines, inHand, log, random: Math.random });
  const consumers = await Promise.all(
    queues.map((name) => queue.consume(name, { concurrency: IN_HAND[name](size) }, handler)),
  );
  const heartbeat = await startHeartbeat(
    async () => {
      const { ready, busy } = engines.status();
      if (ready === 0) return;
      await queue.heartbeat({ ...identity, device, models, engines: size, queues, busy });
    },
    HEARTBEAT_MS,
    log,
  );

  return {
    async check() {
      if (engines.status().ready === 0) throw new Error('no engine is up');
    },
    async drain() {
      heartbeat[Symbol.dispose]();
      await Promise.all(consumers.map((consumer) => consumer.close()));
    },
    giveBack: () => inHand.stop(),
    async end() {
      await Promise.all([engines.close(), source.close()]);
    },
  };
}

/** `auto`: a CPU engine has one thread, so one a core; a GPU is shared badly by several processes. */
function engineCount(asked: WorkerConfig['ENGINES'], first: EngineFacts): number {
  if (asked !== 'auto') return asked;
  return first.device === 'cpu' ? availableParallelism() : 1;
}
