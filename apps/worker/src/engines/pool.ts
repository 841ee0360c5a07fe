import type { Registry } from '@facequeue/metrics';
import type { Logger } from '@facequeue/service';
import { DecayedMean } from '@facequeue/time';
import type { EngineProgram } from './engine.ts';
import type { EngineAnswer, EngineFacts, EngineImage } from './messages.ts';
import type { ImageIds } from './output.ts';
import { Permits } from './permits.ts';
import type { PriorityClass } from './priority.ts';
import { type EngineLimits, EngineSupervisor } from './supervisor.ts';

/** Time constant of the load, ms: the load of a minute ago hardly counts. */
const LOAD_TAU_MS = 15_000;

/** Exclusive use of one engine. Dispose it to let the next request have the engine. */
export interface Slot extends Disposable {
  /** @throws what `EngineSupervisor.run` throws */
  run(image: EngineImage, signal: AbortSignal, ids: ImageIds): Promise<EngineAnswer>;
}

/** State of the pool, for heartbeats, health and metrics. */
export interface PoolStatus {
  /** Engines of the pool, whether they are up or being replaced. */
  size: number;
  /** Engines that are up. */
  ready: number;
  /** Slots in use. */
  busy: number;
  /** Mean share of the engines that were in use lately, 0..1. */
  load: number;
  /** Requests for a slot that wait. */
  queued: Record<PriorityClass, number>;
  /** Resident bytes of each engine that is up, after its last image. */
  rss: number[];
  pids: number[];
}

/** A fixed number of engines behind one scheduler of permits. */
export class EnginePool {
  /** What the first engine reported; all are alike. */
  readonly facts: EngineFacts;
  readonly #supervisors: EngineSupervisor[];
  readonly #inUse: Set<EngineSupervisor>;
  readonly #permits: Permits<EngineSupervisor>;
  readonly #load = new DecayedMean(LOAD_TAU_MS, performance.now());

  private constructor(
    facts: EngineFacts,
    supervisors: EngineSupervisor[],
    inUse: Set<EngineSupervisor>,
    permits: Permits<EngineSupervisor>,
  ) {
    this.facts = facts;
    this.#supervisors = supervisors;
    this.#inUse = inUse;
    this.#permits = permits;
  }

  /**
   * Starts the engines and waits until all are warm.
   * The first one starts alone: what keeps it from starting keeps the others, too.
   * @param count number of engines
   * @throws EngineStartError when one of them cannot start, after ending the others
   */
  static async start(
    program: EngineProgram,
    limits: EngineLimits,
    count: number,
    log: Logger,
    metrics: Registry,
  ): Promise<EnginePool> {
    const permits = new Permits<EngineSupervisor>();
    const inUse = new Set<EngineSupervisor>();
    const events = {
      ready: (supervisor: EngineSupervisor) => void (inUse.has(supervisor) || permits.offer(supervisor)),
      lost: (supervisor: EngineSupervisor) => permits.withdraw(supervisor),
    };
    const supervisors: EngineSupervisor[] = [];
    const startOne = () => {
      const supervisor = new EngineSupervisor(program, limits, events, log, metrics);
      supervisors.push(supervisor);
      return supervisor.start();
    };
    try {
      const facts = await startOne();
      await Promise.all(Array.from({ length: count - 1 }, startOne));
      return new EnginePool(facts, supervisors, inUse, permits);
    } catch (error) {
      await Promise.all(supervisors.map((supervisor) => supervisor.close()));
      throw error;
    }
  }

  /**
   * Waits for an engine that is up and idle.
   * @throws the signal's reason once it aborts
   */
  async acquire(priority: PriorityClass, flow: string, signal: AbortSignal): Promise<Slot> {
    const supervisor = await this.#permits.acquire(priority, flow, signal);
    this.#inUse.add(supervisor);
    this.#load.set(this.#inUse.size, performance.now());
    return {
      run: (image, abort, ids) => supervisor.run(image, abort, ids),
      [Symbol.dispose]: () => {
        this.#inUse.delete(supervisor);
        this.#load.set(this.#inUse.size, performance.now());
        if (supervisor.ready) this.#permits.offer(supervisor);
      },
    };
  }

  status(): PoolStatus {
    const up = this.#supervisors.filter((supervisor) => supervisor.ready);
    return {
      size: this.#supervisors.length,
      ready: up.length,
      busy: this.#inUse.size,
      load: this.#load.mean(performance.now()) / this.#supervisors.length,
      queued: { interactive: this.#permits.queued('interactive'), others: this.#permits.queued('others') },
      rss: up.map((supervisor) => supervisor.rss),
      pids: up.map((supervisor) => supervisor.pid!),
    };
  }

  /** Kills all engines, whatever they are doing. */
  async close(): Promise<void> {
    await Promise.all(this.#supervisors.map((supervisor) => supervisor.close()));
  }
}
