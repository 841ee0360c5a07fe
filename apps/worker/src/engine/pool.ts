import type { Registry } from '@facequeue/metrics';
import type { Logger } from '../log.ts';
import { Permits } from '../permits/permits.ts';
import type { Lane } from '../permits/turns.ts';
import type { EngineProgram } from './engine.ts';
import { Load } from './load.ts';
import type { EngineAnswer, EngineFacts, EngineImage } from './messages.ts';
import type { ImageNames } from './output.ts';
import { type EngineLimits, Seat } from './seat.ts';

/** The right to run one image in one engine. Dispose it to give the engine to the next in line. */
export interface Slot extends Disposable {
  /** @throws what `Seat.run` throws */
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
  /** Mean share of its seats that were held lately, 0..1. */
  load: number;
  /** How many wait for a slot. */
  waiting: Record<Lane, number>;
  /** Resident bytes of each engine that is up, after its last image. */
  rss: number[];
  pids: number[];
}

/** A fixed number of engines behind one scheduler of permits. */
export class EnginePool {
  /** What the first engine said of itself; all are alike. */
  readonly facts: EngineFacts;
  readonly #seats: Seat[];
  readonly #held: Set<Seat>;
  readonly #permits: Permits<Seat>;
  readonly #load = new Load(performance.now());

  private constructor(facts: EngineFacts, seats: Seat[], held: Set<Seat>, permits: Permits<Seat>) {
    this.facts = facts;
    this.#seats = seats;
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
    const permits = new Permits<Seat>();
    const held = new Set<Seat>();
    const events = {
      ready: (seat: Seat) => void (held.has(seat) || permits.offer(seat)),
      lost: (seat: Seat) => permits.withdraw(seat),
    };
    const seats: Seat[] = [];
    const open = () => {
      const seat = new Seat(program, limits, events, log, metrics);
      seats.push(seat);
      return seat.open();
    };
    try {
      const facts = await open();
      await Promise.all(Array.from({ length: count(facts) - 1 }, open));
      return new EnginePool(facts, seats, held, permits);
    } catch (error) {
      await Promise.all(seats.map((seat) => seat.close()));
      throw error;
    }
  }

  /**
   * Waits for an engine that is up and idle.
   * @throws the signal's reason once it aborts
   */
  async acquire(lane: Lane, signal: AbortSignal): Promise<Slot> {
    const seat = await this.#permits.acquire(lane, signal);
    this.#held.add(seat);
    this.#load.set(this.#held.size, performance.now());
    return {
      run: (image, abort, names) => seat.run(image, abort, names),
      [Symbol.dispose]: () => {
        this.#held.delete(seat);
        this.#load.set(this.#held.size, performance.now());
        if (seat.ready) this.#permits.offer(seat);
      },
    };
  }

  status(): PoolStatus {
    const up = this.#seats.filter((seat) => seat.ready);
    return {
      size: this.#seats.length,
      ready: up.length,
      busy: this.#held.size,
      load: this.#load.mean(performance.now()) / this.#seats.length,
      waiting: { interactive: this.#permits.waiting('interactive'), others: this.#permits.waiting('others') },
      rss: up.map((seat) => seat.rss),
      pids: up.flatMap((seat) => seat.pid ?? []),
    };
  }

  /** Ends all engines, whatever they are doing. */
  async close(): Promise<void> {
    await Promise.all(this.#seats.map((seat) => seat.close()));
  }
}
