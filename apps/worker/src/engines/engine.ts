import { type ChildProcess, fork } from 'node:child_process';
import type { Writable } from 'node:stream';
import { FacequeueError, LARGEST_MAX_FACES } from '@facequeue/schema';
import type { Logger } from '@facequeue/service';
import { startTimer } from '@facequeue/time';
import { IMAGE_FD } from './image-pipe.ts';
import type { Launcher } from './launcher.ts';
import type { EngineAnswer, EngineFacts, EngineImage, FromEngine, ToEngine } from './messages.ts';
import { EngineOutput, type ImageIds } from './output.ts';
import type { TimeLimit } from './time-limit.ts';

/** How long loading and warming may take, ms. Generous: some GPUs compile their kernels for minutes. */
const START_LIMIT_MS = 300_000;
/** How long an engine may continue with a canceled image before it is killed, ms. */
const CANCEL_GRACE_MS = 500;

/** How to start an engine process. */
export interface EngineProgram {
  /** Path of the module to run; it calls `serveParent`. */
  module: string;
  /** Sent to the process in the first message. */
  settings: unknown;
  /** The whole environment of the process. Image decoders run there, so it holds no secrets. */
  env: Record<string, string>;
  launcher: Launcher;
  /** Its working folder; that of this process when absent. */
  cwd?: string | undefined;
}

/** An engine that cannot be started. The message is for operators. */
export class EngineStartError extends Error {
  override readonly name = 'EngineStartError';
}

/** The engine process exited while an image was inside. */
export class EngineExit extends Error {
  override readonly name = 'EngineExit';
  /** crash: by itself or by a signal from outside; hang: killed at the time limit; canceled: killed for a canceled job. */
  readonly kind: 'crash' | 'hang' | 'canceled';

  constructor(kind: EngineExit['kind'], how: string) {
    super(`engine exited by ${how}`);
    this.kind = kind;
  }
}

/** An engine reported a fault of its own. The stack is the engine's, for the log. */
export class EngineFault extends Error {
  override readonly name = 'EngineFault';

  constructor(stack: string) {
    super('fault inside an engine');
    this.stack = stack;
  }
}

const imagePipeOf = (child: ChildProcess) => child.stdio[IMAGE_FD] as Writable;

/** One warm engine process. It runs one image at a time and is not used again after it has exited. */
export class Engine {
  readonly facts: EngineFacts;
  /** Resolves to how the process ended: its signal or exit code. */
  readonly ended: Promise<string>;
  /** Resident bytes of the process after its last image. */
  rss = 0;
  /** Why the process exits, once it does. */
  exitKind: EngineExit['kind'] = 'crash';
  readonly #child: ChildProcess;
  readonly #imagePipe: Writable;
  readonly #output: EngineOutput;
  #inside: {
    /** Gives the image more time. */
    extend: (by: 'pixels' | 'faces', count: number) => void;
    settle: (message: FromEngine) => void;
    exited: (how: string) => void;
  } | null = null;

  private constructor(child: ChildProcess, output: EngineOutput, facts: EngineFacts, ended: Promise<string>) {
    this.#child = child;
    this.#imagePipe = imagePipeOf(child);
    this.#output = output;
    this.facts = facts;
    this.ended = ended;
    child.on('message', (message: FromEngine) => {
      const inside = this.#inside;
      if (message.type === 'pixels' || message.type === 'faces') return inside?.extend(message.type, message.count);
      this.#inside = null;
      // Lines printed before this message are read in the same turn of the event loop. They are logged before the next image starts.
      setImmediate(() => inside?.settle(message));
    });
    void ended.then((how) => this.#inside?.exited(how));
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /**
   * Starts a process and waits until its models are warm.
   * @param log gets what the process prints
   * @throws EngineStartError, or the signal's reason, when the process has ended
   */
  static async start(program: EngineProgram, signal: AbortSignal, log: Logger): Promise<Engine> {
    signal.throwIfAborted();
    const child = fork(program.module, [], {
      ...program.launcher,
      env: program.env,
      cwd: program.cwd,
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc', 'pipe'],
    });
    const output = new EngineOutput(log.child({ engine: child.pid }));
    for (const stream of [child.stdout!, child.stderr!]) output.read(stream);
    // A send to a dying process emits these; the exit is handled below.
    child.on('error', () => {});
    imagePipeOf(child).on('error', () => {});
    // What has not been written yet never will be, so the caller may free the bytes of the image.
    child.once('exit', () => imagePipeOf(child).destroy());
    const started = Promise.withResolvers<EngineFacts>();
    const ended = new Promise<string>((resolve) => {
      const end = (how: string) => {
        started.reject(new EngineStartError(`the engine process exited by ${how} during start-up`));
        resolve(how);
      };
      child.once('exit', (code, by) => end(by ?? `exit code ${code}`));
      child.once('error', (error) => child.pid === undefined && end(error.message));
    });
    child.once('message', (message: FromEngine) => {
      if (message.type === 'ready') started.resolve(message.facts);
      if (message.type === 'unusable') started.reject(new EngineStartError(message.message));
    });
    const abort = () => started.reject(signal.reason);
    signal.addEventListener('abort', abort);
    const limit = setTimeout(
      () => started.reject(new EngineStartError(`models not loaded after ${START_LIMIT_MS / 1000} s`)),
      START_LIMIT_MS,
    );
    try {
      child.send({ type: 'start', settings: program.settings } satisfies ToEngine);
      return new Engine(child, output, await started.promise, ended);
    } catch (error) {
      child.kill('SIGKILL');
      await ended;
      throw error;
    } finally {
      clearTimeout(limit);
      signal.removeEventListener('abort', abort);
    }
  }

  /**
   * Detects the faces of one image.
   * @param timeLimit after which the engine is killed
   * @param signal after it aborts, the image may finish within 500 ms; then the engine is killed
   * @param ids of the image, for the log lines of what the engine prints
   * @returns the faces, after the engine has read the whole image: this process no longer needs its bytes
   * @throws FacequeueError for a bad image; EngineExit; EngineFault; the signal's reason if it has aborted already
   */
  async detect(image: EngineImage, timeLimit: TimeLimit, signal: AbortSignal, ids: ImageIds): Promise<EngineAnswer> {
    if (this.#inside) throw new Error('a second image for a busy engine: its slot was disposed too early');
    signal.throwIfAborted();
    this.#output.about(ids);
    const { promise, resolve, reject } = Promise.withResolvers<EngineAnswer>();
    const killFor = (kind: EngineExit['kind']) => {
      this.exitKind = kind;
      this.kill();
    };
    /** Whether all bytes of the image have been written to the pipe. */
    let sent = false;
    let grace: NodeJS.Timeout | undefined;
    const cancel = () => {
      grace = setTimeout(killFor, CANCEL_GRACE_MS, 'canceled');
    };
    const startedAt = performance.now();
    const { baseMs, megapixelMs, maxPixels, faceMs } = timeLimit;
    const extensions = {
      pixels: { eachMs: megapixelMs / 1e6, most: maxPixels },
      faces: { eachMs: faceMs, most: LARGEST_MAX_FACES },
    };
    const extended = new Set<string>();
    let limitMs = baseMs;
    const killAfter = (ms: number) => startTimer(ms, () => killFor('hang'));
    let limit = killAfter(baseMs);
    signal.addEventListener('abort', cancel);
    this.#inside = {
      extend: (by, count) => {
        // Once for each, and for no more than an image can have: an engine that an image has taken over gets no endless time.
        if (extended.has(by)) return;
        extended.add(by);
        const { eachMs, most } = extensions[by];
        limitMs += eachMs * Math.min(count, most);
        limit.clear();
        limit = killAfter(startedAt + limitMs - performance.now());
      },
      exited: (how) => reject(new EngineExit(this.exitKind, how)),
      settle: (message) => {
        if (!sent) {
          // An honest engine reads the image before it answers. The caller frees the bytes after an answer, and a write that is still in
          // progress would send freed memory.
          killFor('crash');
          void this.ended.then((how) => reject(new EngineExit('crash', how)));
          return;
        }
        if ('rss' in message) this.rss = message.rss;
        if (message.type === 'found') resolve(message.answer);
        if (message.type === 'refused') reject(new FacequeueError(message.code, message.detail));
        if (message.type === 'faulted') reject(new EngineFault(message.stack));
      },
    };
    try {
      const { bytes, options } = image;
      this.#child.send({ type: 'detect', length: bytes.length, options } satisfies ToEngine);
      this.#imagePipe.write(bytes, (error) => {
        sent = !error;
      });
      return await promise;
    } finally {
      this.#inside = null;
      limit.clear();
      clearTimeout(grace);
      signal.removeEventListener('abort', cancel);
    }
  }

  /** Kills the process: it holds nothing that needs saving. `ended` resolves when it has exited. */
  kill(): void {
    this.#child.kill('SIGKILL');
  }
}
