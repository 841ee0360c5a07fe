/** Keeps one gateway or worker running: when its process ends, another is started at once. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AppProcess, startApp } from '../processes/app-process.ts';
import type { Link } from './link.ts';

/** Pause between two attempts to start, ms: Redis may be unavailable. */
const RESTART_PAUSE_MS = 250;
/** After SIGTERM, active jobs have 20 s to finish (SHUTDOWN_GRACE), and the steps after it take 8 s at most. */
const STOP_TIMEOUT_MS = 30_000;

export interface ReplicaOptions {
  /** Tier and number: `worker 2`. */
  name: string;
  main: URL;
  env: Record<string, string>;
  /** Its own link to Redis. */
  link: Link;
  /** Called with each failure that the test did not cause. */
  onProblem: (problem: string) => void;
  /** Called when a process is ready. */
  onUp?: (app: AppProcess) => void;
  /** Called before the process gets SIGTERM. */
  onLeaving?: () => void;
  /** Called when a process has ended, with all its output. */
  onEnded: (app: AppProcess) => void;
}

export class Replica {
  readonly name: string;
  readonly link: Link;
  readonly #options: ReplicaOptions;
  #main: URL;
  #app: AppProcess | null = null;
  #up = Promise.withResolvers<AppProcess>();
  /** Processes that were stopped or killed on purpose. */
  readonly #stopped = new WeakSet<AppProcess>();
  /** Processes that are stopping while another runs in their place. */
  readonly #leaving = new Set<Promise<void>>();
  #startNext: (() => void) | null = null;
  #open = true;
  #running: Promise<void> | null = null;

  constructor(options: ReplicaOptions) {
    this.name = options.name;
    this.link = options.link;
    this.#options = options;
    this.#main = options.main;
  }

  /** The running process, or the next one while none is running. */
  up(): Promise<AppProcess> {
    return this.#app ? Promise.resolve(this.#app) : this.#up.promise;
  }

  get app(): AppProcess | null {
    return this.#app;
  }

  async start(): Promise<void> {
    this.#running ??= this.#run();
    await this.up();
  }

  /** Sends SIGKILL. Another process is started at once. */
  async kill(): Promise<void> {
    const app = await this.up();
    this.#stopped.add(app);
    await app.end('SIGKILL');
  }

  /**
   * Sends SIGTERM and starts the next process without waiting for the end of this one.
   * @param main program of this and later processes; unchanged when absent
   */
  async replace(main = this.#main): Promise<void> {
    this.#main = main;
    const app = await this.up();
    const leaving = this.#stop(app).finally(() => this.#leaving.delete(leaving));
    this.#leaving.add(leaving);
    this.#startNext?.();
    await this.up();
    await leaving;
  }

  /** Stops the process as an operator would, and starts no other. */
  async close(): Promise<void> {
    this.#open = false;
    const app = this.#app;
    if (app) await this.#stop(app);
    this.#startNext?.();
    await Promise.all(this.#leaving);
    await this.#running;
  }

  /** Kills the process. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#open = false;
    if (this.#app) {
      this.#stopped.add(this.#app);
      await this.#app.end('SIGKILL');
    }
  }

  async #run(): Promise<void> {
    while (this.#open) {
      const app = await startApp(this.#main, this.#options.env);
      if (app.first?.type !== 'ready') {
        await app.end('SIGKILL');
        await sleep(RESTART_PAUSE_MS);
        continue;
      }
      const replaced = new Promise<void>((resolve) => {
        this.#startNext = resolve;
      });
      this.#app = app;
      this.#options.onUp?.(app);
      this.#up.resolve(app);
      const ended = once(app.child, 'exit').then(() => {
        if (this.#stopped.has(app)) return;
        const output = app.log().slice(-2000);
        this.#options.onProblem(
          `${this.name} ended by itself (${app.child.exitCode ?? app.child.signalCode}):\n${output}`,
        );
      });
      void app.exited.then(() => this.#options.onEnded(app));
      await Promise.race([ended, replaced]);
      this.#app = null;
      this.#up = Promise.withResolvers();
    }
  }

  async #stop(app: AppProcess): Promise<void> {
    this.#stopped.add(app);
    this.#options.onLeaving?.();
    const late = sleep(STOP_TIMEOUT_MS, 'late' as const, { ref: false });
    const code = await Promise.race([app.end('SIGTERM'), late]);
    if (code === 0) return;
    this.#options.onProblem(
      code === 'late'
        ? `${this.name} has not stopped within ${STOP_TIMEOUT_MS / 1000} s of SIGTERM:\n${app.log().slice(-2000)}`
        : `${this.name} ended with ${code} after SIGTERM:\n${app.log().slice(-2000)}`,
    );
    await app.end('SIGKILL');
  }
}
