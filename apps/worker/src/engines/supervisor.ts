import type { Registry } from '@facequeue/metrics';
import { FacequeueError } from '@facequeue/schema';
import type { Logger } from '@facequeue/service';
import { sleep } from '@facequeue/time';
import { Engine, EngineExit, type EngineProgram } from './engine.ts';
import type { EngineAnswer, EngineFacts, EngineImage } from './messages.ts';
import type { ImageIds } from './output.ts';
import { restartDelayMs } from './restart-delay.ts';
import type { TimeLimit } from './time-limit.ts';

/** Limits an engine runs under. */
export interface EngineLimits {
  /** How long an image may take before its engine is killed. */
  timeLimit: TimeLimit;
  /** Resident bytes beyond which an engine is replaced between two images. */
  maxRssBytes: number;
}

/** Called when the engine of a supervisor is up, and when it is lost. */
export interface SupervisorEvents {
  ready(supervisor: EngineSupervisor): void;
  lost(supervisor: EngineSupervisor): void;
}

/** Keeps one engine running: replaces it when it exits, and runs an image during which it crashed once more. */
export class EngineSupervisor {
  readonly #program: EngineProgram;
  readonly #limits: EngineLimits;
  readonly #events: SupervisorEvents;
  readonly #log: Logger;
  readonly #metrics: Registry;
  readonly #closing = new AbortController();
  #engine: Engine | null = null;
  /** Resolves to the engine once it is up; rejects when its start fails, when the next start has been scheduled. */
  #starting: Promise<Engine> = Promise.reject(new Error('not started'));
  /** The image that is inside, for the log. */
  #inside: ImageIds | null = null;
  /** Exits and failed starts since the last image that completed. */
  #failuresInARow = 0;

  constructor(program: EngineProgram, limits: EngineLimits, events: SupervisorEvents, log: Logger, metrics: Registry) {
    this.#program = program;
    this.#limits = limits;
    this.#events = events;
    this.#log = log;
    this.#metrics = metrics;
    this.#starting.catch(() => {});
  }

  /**
   * Starts the first engine. A later one is started when the previous one has ended.
   * @throws EngineStartError: a device or pack that does not work at the start will not work later
   */
  async start(): Promise<EngineFacts> {
    this.#starting = this.#startEngine();
    return (await this.#starting).facts;
  }

  /** Whether the engine is up and can run an image. */
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
   * Runs one image. When the engine crashes during it, the image runs once more, alone in a fresh engine: the crash may have been
   * none of its doing. An image that took too long would only take as long again.
   * @throws FacequeueError `engine_timeout`; `engine_crashed` after the second crash; the code for a bad image;
   *   EngineFault; EngineStartError when no engine comes up; the signal's reason when the job was canceled
   */
  async run(image: EngineImage, signal: AbortSignal, ids: ImageIds): Promise<EngineAnswer> {
    for (let again = false; ; again = true) {
      const engine = await this.#starting;
      this.#inside = ids;
      try {
        return await engine.detect(image, this.#limits.timeLimit, signal, ids);
      } catch (error) {
        if (!(error instanceof EngineExit)) throw error;
        // Now, not in the handler of `ended`: the second run must not find this engine.
        this.#handleExit(engine);
        signal.throwIfAborted();
        if (again || error.kind === 'hang') throw toError(error);
      } finally {
        this.#inside = null;
        if (this.#engine === engine) this.#imageDone(engine);
      }
    }
  }

  /** Kills the engine and starts no other. */
  async close(): Promise<void> {
    this.#closing.abort(new Error('the worker is stopping'));
    const engine = this.#engine;
    engine?.kill();
    await (engine ? engine.ended : this.#starting.catch(() => {}));
  }

  /** The engine survived an image: replaces it if it has grown too large. */
  #imageDone(engine: Engine): void {
    this.#failuresInARow = 0;
    if (engine.rss <= this.#limits.maxRssBytes) return;
    const limit = this.#limits.maxRssBytes;
    this.#log.info({ engine: engine.pid, rss: engine.rss, limit }, 'engine over its memory limit, restarting');
    this.#metrics.count('facequeue_engine_restarts_total', { cause: 'memory' });
    this.#setLost();
    engine.kill();
    this.#replaceAfter(engine.ended);
  }

  #handleExit(engine: Engine): void {
    if (this.#engine !== engine) return;
    const ids = this.#inside;
    this.#setLost();
    // An engine killed for a canceled job was healthy, so the next one starts at once, however many jobs are canceled in a row.
    const failed = engine.exitKind !== 'canceled';
    if (failed) this.#failuresInARow++;
    void engine.ended.then((how) => {
      if (this.#closing.signal.aborted) return;
      this.#metrics.count('facequeue_engine_restarts_total', { cause: engine.exitKind });
      const facts = { ...ids, engine: engine.pid, how, failures_in_a_row: this.#failuresInARow };
      if (failed) this.#log.warn(facts, 'engine exited, restarting');
      else this.#log.info(facts, 'engine killed for a canceled job, restarting');
    });
    this.#replaceAfter(engine.ended);
  }

  #setLost(): void {
    this.#engine = null;
    this.#events.lost(this);
  }

  #replaceAfter(ended: Promise<unknown>): void {
    this.#starting = ended.then(() => this.#startEngine());
    this.#starting.catch((error: unknown) => {
      if (this.#closing.signal.aborted) return;
      this.#failuresInARow++;
      this.#metrics.count('facequeue_engine_restarts_total', { cause: 'start' });
      this.#log.error({ err: error, failures_in_a_row: this.#failuresInARow }, 'engine did not start, retrying');
      this.#replaceAfter(Promise.resolve());
    });
  }

  async #startEngine(): Promise<Engine> {
    const closing = this.#closing.signal;
    await sleep(restartDelayMs(this.#failuresInARow), closing);
    const engine = await Engine.start(this.#program, closing, this.#log);
    this.#engine = engine;
    void engine.ended.then(() => this.#handleExit(engine));
    this.#events.ready(this);
    return engine;
  }
}

/** The public error of an image that is not run again. */
function toError(exit: EngineExit): FacequeueError {
  return exit.kind === 'hang'
    ? new FacequeueError('engine_timeout', 'the image took too long', { cause: exit })
    : new FacequeueError('engine_crashed', 'the engine crashed on this image, twice', { cause: exit });
}
