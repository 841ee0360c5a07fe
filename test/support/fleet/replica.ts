/** A place in which a gateway or a worker runs: whatever ends there, another one takes its place at once. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AppProcess, startApp } from '../processes/app-process.ts';
import type { Link } from './link.ts';

/** Between two tries to start, ms: Redis may be away. */
const START_AGAIN_MS = 250;
/** SIGTERM lets what is in hand finish for 20 s, and gives what is left 8 s more (apps' SHUTDOWN_GRACE and what follows it). */
const STOP_WITHIN_MS = 30_000;

export interface ReplicaOptions {
  /** What it is, with its number: `worker 2`. */
  name: string;
  main: URL;
  env: Record<string, string>;
  /** Its own way to Redis. */
  link: Link;
  /** Told what went wrong though nobody wanted it. */
  onProblem: (problem: string) => void;
  /** Told of each process that is up, and what all that have ended have printed. */
  onUp?: (app: AppProcess) => void;
  /** Told that the process is about to be told to stop. */
  onLeaving?: () => void;
  onEnded: (app: AppProcess) => void;
}

export class Replica {
  readonly name: string;
  readonly link: Link;
  readonly #options: ReplicaOptions;
  #main: URL;
  #app: AppProcess | null = null;
  #up = Promise.withResolvers<AppProcess>();
  /** Those that were told to end, or were ended. */
  readonly #doomed = new WeakSet<AppProcess>();
  /** Those whose end is not waited for: they stop while another is in their place. */
  readonly #leaving = new Set<Promise<void>>();
  #relieve: (() => void) | null = null;
  #open = true;
  #running: Promise<void> | null = null;

  constructor(options: ReplicaOptions) {
    this.name = options.name;
    this.link = options.link;
    this.#options = options;
    this.#main = options.main;
  }

  /** The process that is up now; the next one while there is none. */
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

  /** SIGKILL. Another one is started at once. */
  async kill(): Promise<void> {
    const app = await this.up();
    this.#doomed.add(app);
    await app.end('SIGKILL');
  }

  /**
   * SIGTERM; the next one is started without waiting for it to end.
   * @param main its program from now on, when it is another one
   */
  async replace(main = this.#main): Promise<void> {
    this.#main = main;
    const app = await this.up();
    const leaving = this.#stop(app).finally(() => this.#leaving.delete(leaving));
    this.#leaving.add(leaving);
    this.#relieve?.();
    await this.up();
    await leaving;
  }

  /** Ends it as an operator would, and starts no other. */
  async close(): Promise<void> {
    this.#open = false;
    const app = this.#app;
    if (app) await this.#stop(app);
    this.#relieve?.();
    await Promise.all(this.#leaving);
    await this.#running;
  }

  /** Ends it in any case. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#open = false;
    if (this.#app) {
      this.#doomed.add(this.#app);
      await this.#app.end('SIGKILL');
    }
  }

  async #run(): Promise<void> {
    while (this.#open) {
      const app = await startApp(this.#main, this.#options.env);
      if (app.first?.type !== 'ready') {
        await app.end('SIGKILL');
        await sleep(START_AGAIN_MS);
        continue;
      }
      const relieved = new Promise<void>((resolve) => {
        this.#relieve = resolve;
      });
      this.#app = app;
      this.#options.onUp?.(app);
      this.#up.resolve(app);
      const gone = once(app.child, 'exit').then(() => {
        if (this.#doomed.has(app)) return;
        const said = app.log().slice(-2000);
        this.#options.onProblem(
          `${this.name} ended by itself (${app.child.exitCode ?? app.child.signalCode}):\n${said}`,
        );
      });
      void app.exited.then(() => this.#options.onEnded(app));
      await Promise.race([gone, relieved]);
      this.#app = null;
      this.#up = Promise.withResolvers();
    }
  }

  async #stop(app: AppProcess): Promise<void> {
    this.#doomed.add(app);
    this.#options.onLeaving?.();
    const late = sleep(STOP_WITHIN_MS, 'late' as const, { ref: false });
    const code = await Promise.race([app.end('SIGTERM'), late]);
    if (code === 0) return;
    this.#options.onProblem(
      code === 'late'
        ? `${this.name} has not stopped within ${STOP_WITHIN_MS / 1000} s of SIGTERM:\n${app.log().slice(-2000)}`
        : `${this.name} ended with ${code} after SIGTERM:\n${app.log().slice(-2000)}`,
    );
    await app.end('SIGKILL');
  }
}
