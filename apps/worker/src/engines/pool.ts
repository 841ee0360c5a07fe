import type { Registry } from '@facequeue/metrics';
import type { Logger } from '../log.ts';
import type { EngineProgram } from './engine.ts';
import { Load } from './load.ts';
import type { EngineAnswer, EngineFacts, EngineImage } from './messages.ts';
import type { ImageNames } from './output.ts';
import { Permits } from './permits.ts';
import type { PriorityClass } from './priority.ts';
import { type EngineLimits, EngineSupervisor } from './supervisor.ts';

/** The right to run one image in one engine. Dispose it to give the engine to the next in line. */
export interface Slot extends Disposable {
  /** @throws what `EngineSupervisor.run` throws */
  run(image: EngineImage, signal: AbortSignal, names: ImageNames): Promise<EngineAnswer>;
}

/** What the pool is doing, for heartbeats, health and logs. */
export interface PoolStatus {
  /** Seats, whether their engine is up or being replaced. */
  size: number;
  /** Engines that are up. */
  ready: number;
  /** Slots held. */
  busy: number;
  /** Mean share of its supervisors that were held lately, 0..1. */
  load: number;
  /** How many wait for a slot. */
  waiting: Record<PriorityClass, number>;
  /** Resident bytes of each engine that is up, after its last image. */
  rss: number[];
  pids: number[];
}

/** A fixed number of engines behind one scheduler of permits. */
export class EnginePool {
  /** What the first engine said of itself; all are alike. */
  readonly facts: EngineFacts;
  readonly #supervisors: EngineSupervisor[];
  readonly #held: Set<EngineSupervisor>;
  readonly #permits: Permits<EngineSupervisor>;
  readonly #load = new Load(performance.now());

  private constructor(
    facts: EngineFacts,
    supervisors: EngineSupervisor[],
    held: Set<EngineSupervisor>,
    permits: Permits<EngineSupervisor>,
  ) {
    this.facts = facts;
    this.#supervisors = supervisors;
    this.#held = held;
    this.#permits = permits;
  }

  /**
   * Starts the engines and waits until all are warm.
   * @param count how many, given what the first one found (its device may have been its own choice)
   * @throws EngineStartError when one of them cannot start; none is left then
   */
  static async start(
    program: EngineProgram,
    limits: EngineLimits,
    count: (first: EngineFacts) => number,
    log: Logger,
    metrics: Registry,
  ): Promise<EnginePool> {
    const permits = new Permits<EngineSupervisor>();
    const held = new Set<EngineSupervisor>();
    const events = {
      ready: (supervisor: EngineSupervisor) => void (held.has(supervisor) || permits.offer(supervisor)),
      lost: (supervisor: EngineSupervisor) => permits.withdraw(supervisor),
    };
    const supervisors: EngineSupervisor[] = [];
    const open = () => {
      const supervisor = new EngineSupervisor(program, limits, events, log, metrics);
      supervisors.push(supervisor);
      return supervisor.open();
    };
    try {
      const facts = await open();
      await Promise.all(Array.from({ length: count(facts) - 1 }, open));
      return new EnginePool(facts, supervisors, held, permits);
    } catch (error) {
      await Promise.all(supervisors.map((supervisor) => supervisor.close()));
      throw error;
    }
  }

  /**
   * Waits for an engine that is up and idle.
   * @throws the signal's reason once it aborts
   */
  async acquire(lane: PriorityClass, signal: AbortSignal): Promise<Slot> {
    const supervisor = await this.#permits.acquire(lane, signal);
    this.#held.add(supervisor);
    this.#load.set(this.#held.size, performance.now());
    return {
      run: (image, abort, names) => supervisor.run(image, abort, names),
      [Symbol.dispose]: () => {
        this.#held.delete(supervisor);
        this.#load.set(this.#held.size, performance.now());
        if (supervisor.ready) this.#permits.offer(supervisor);
      },
    };
  }

  status(): PoolStatus {
    const up = this.#supervisors.filter((supervisor) => supervisor.ready);
    return {
      size: this.#supervisors.length,
      ready: up.length,
      busy: this.#held.size,
      load: this.#load.mean(performance.now()) / this.#supervisors.length,
      waiting: { interactive: this.#permits.waiting('interactive'), others: this.#permits.waiting('others') },
      rss: up.map((supervisor) => supervisor.rss),
      pids: up.flatMap((supervisor) => supervisor.pid ?? []),
    };
  }

  /** Ends all engines, whatever they are doing. */
  async close(): Promise<void> {
    await Promise.all(this.#supervisors.map((supervisor) => supervisor.close()));
  }
}
