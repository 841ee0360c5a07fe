import { setTimeout as sleep } from 'node:timers/promises';
import type { Registry } from '@facequeue/metrics';
import { FacequeueError } from '@facequeue/schema';
import type { Logger } from '../log.ts';
import { Engine, EngineExit, type EngineProgram } from './engine.ts';
import type { EngineAnswer, EngineFacts, EngineImage } from './messages.ts';
import type { ImageNames } from './output.ts';
import { restartDelayMs } from './restart-delay.ts';

/** Limits an engine runs under. */
export interface EngineLimits {
  /** Milliseconds an image may take before its engine is killed. */
  timeoutMs: number;
  /** Resident bytes beyond which an engine is replaced between two images. */
  maxRssBytes: number;
}

/** Told when an engine gets ready in a supervisor and when the supervisor is empty again. */
export interface SupervisorEvents {
  ready(supervisor: EngineSupervisor): void;
  lost(supervisor: EngineSupervisor): void;
}

/** A place for one engine: replaces the engine when it dies, and runs the image that was inside once more. */
export class EngineSupervisor {
  readonly #program: EngineProgram;
  readonly #limits: EngineLimits;
  readonly #events: SupervisorEvents;
  readonly #log: Logger;
  readonly #metrics: Registry;
  readonly #closing = new AbortController();
  #engine: Engine | null = null;
  /** The engine of this supervisor once it is ready; rejects when its start fails (the next one is on its way then). */
  #coming: Promise<Engine> = Promise.reject(new Error('not started'));
  /** The image that is inside, for the log. */
  #inside: ImageNames | null = null;
  /** In a row: an image done ends the row. */
  #failuresInARow = 0;

  constructor(program: EngineProgram, limits: EngineLimits, events: SupervisorEvents, log: Logger, metrics: Registry) {
    this.#program = program;
    this.#limits = limits;
    this.#events = events;
    this.#log = log;
    this.#metrics = metrics;
    this.#coming.catch(() => {});
  }

  /**
   * Starts the first engine. Later ones are started as they are needed.
   * @throws EngineStartError: a device or pack that does not work at the start will not work later
   */
  async open(): Promise<EngineFacts> {
    this.#coming = this.#start();
    return (await this.#coming).facts;
  }

  /** Whether an engine is up and can be given an image. */
  get ready(): boolean {
    return this.#engine !== null;
  }

  /** Process id of the engine, for operators. */
  get pid(): number | undefined {
    return this.#engine?.pid;
  }

  /** Resident bytes of the engine after its last image; 0 before the first. */
  get rss(): number {
    return this.#engine?.rss ?? 0;
  }

  /**
   * Runs one image. When the engine dies with it, it runs once more, alone in a fresh engine.
   * @throws FacequeueError `engine_crashed` or `engine_timeout` after the second death, or what is wrong with the image;
   *   EngineFault; EngineStartError when no engine comes up; the signal's reason when it was killed for that
   */
  async run(image: EngineImage, signal: AbortSignal, names: ImageNames): Promise<EngineAnswer> {
    for (let again = false; ; again = true) {
      const engine = await this.#coming;
      this.#inside = names;
      try {
        return await engine.detect(image, this.#limits.timeoutMs, signal, names);
      } catch (error) {
        if (!(error instanceof EngineExit)) throw error;
        // Not left to `ended`: the second run must not find this engine.
        this.#lose(engine);
        signal.throwIfAborted();
        if (again) throw verdict(error);
      } finally {
        this.#inside = null;
        if (this.#engine === engine) this.#done(engine);
      }
    }
  }

  /** Ends the engine and starts no other. */
  async close(): Promise<void> {
    this.#closing.abort(new Error('the worker is stopping'));
    const engine = this.#engine;
    engine?.kill();
    await (engine ? engine.ended : this.#coming.catch(() => {}));
  }

  /** The engine has lived through an image. */
  #done(engine: Engine): void {
    this.#failuresInARow = 0;
    if (engine.rss <= this.#limits.maxRssBytes) return;
    const limit = this.#limits.maxRssBytes;
    this.#log.info({ engine: engine.pid, rss: engine.rss, limit }, 'engine over its memory limit; starting another');
    this.#metrics.count('facequeue_engine_restarts_total', { cause: 'memory' });
    this.#leave();
    engine.kill();
    this.#replace(engine.ended);
  }

  #lose(engine: Engine): void {
    if (this.#engine !== engine) return;
    const names = this.#inside;
    this.#leave();
    // Killed for a canceled job, it was well: the next one starts at once, however many jobs are canceled in a row.
    const unwell = engine.endsFor !== 'canceled';
    if (unwell) this.#failuresInARow++;
    engine.ended.then((how) => {
      if (this.#closing.signal.aborted) return;
      this.#metrics.count('facequeue_engine_restarts_total', { cause: engine.endsFor });
      const told = { ...names, engine: engine.pid, how, failuresInARow: this.#failuresInARow };
      if (unwell) this.#log.warn(told, 'engine ended; starting another');
      else this.#log.info(told, 'engine killed for a canceled job; starting another');
    });
    this.#replace(engine.ended);
  }

  #leave(): void {
    this.#engine = null;
    this.#events.lost(this);
  }

  #replace(gone: Promise<unknown>): void {
    this.#coming = gone.then(() => this.#start());
    this.#coming.catch((error: unknown) => {
      if (this.#closing.signal.aborted) return;
      this.#failuresInARow++;
      this.#metrics.count('facequeue_engine_restarts_total', { cause: 'start' });
      this.#log.error({ err: error, failuresInARow: this.#failuresInARow }, 'engine did not start; trying again');
      this.#replace(Promise.resolve());
    });
  }

  async #start(): Promise<Engine> {
    const closing = this.#closing.signal;
    await sleep(restartDelayMs(this.#failuresInARow), undefined, { signal: closing });
    const engine = await Engine.start(this.#program, closing, this.#log);
    this.#engine = engine;
    engine.ended.then(() => this.#lose(engine));
    this.#events.ready(this);
    return engine;
  }
}

/** What is said of an image after the second death. */
function verdict(death: EngineExit): FacequeueError {
  return death.kind === 'hang'
    ? new FacequeueError('engine_timeout', 'The image was not done in time, twice.', { cause: death })
    : new FacequeueError('engine_crashed', 'The image ended the engine that looked at it, twice.', { cause: death });
}
