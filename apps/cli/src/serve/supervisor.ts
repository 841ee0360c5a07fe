import { sleep } from '@facequeue/time';
import { restartDelay } from './restart-policy.ts';
import { type ReadyFacts, type ServiceDefinition, ServiceRun } from './service.ts';

/** Called by a supervisor as things happen. */
export interface SupervisorEvents {
  /** The current runs have changed. Called before anything else happens, so that a record of them is never out of date. */
  changed(runs: readonly ServiceRun[]): void;
  /** A service has exited. @param restartInMs null when it is not started again */
  exited(name: string, how: string, restartInMs: number | null): void;
  /** A restarted service is ready. */
  restarted(name: string): void;
  /** A restarted service did not become ready. */
  restartFailed(why: string): void;
  stopping(name: string): void;
  /** A service had not ended `graceMs` after SIGTERM, and was killed. */
  killed(name: string, graceMs: number): void;
}

/**
 * Starts services, restarts those that exit, and stops them in order. Stages start one after the other, the services of a
 * stage together. Services stop one after the other, in the reverse order of their start.
 */
export class Supervisor {
  /** Resolves with the name of a service that exited too often to be restarted. */
  readonly restartsExhausted: Promise<string>;
  readonly #exhausted: (name: string) => void;
  readonly #stages: readonly (readonly ServiceDefinition[])[];
  readonly #events: SupervisorEvents;
  /** The current run of each service, in the order of their start. */
  readonly #runs = new Map<string, ServiceRun>();
  readonly #stopping = new AbortController();
  #stopped: Promise<void> | undefined;

  constructor(stages: readonly (readonly ServiceDefinition[])[], events: SupervisorEvents) {
    this.#stages = stages;
    this.#events = events;
    const { promise, resolve } = Promise.withResolvers<string>();
    this.restartsExhausted = promise;
    this.#exhausted = resolve;
  }

  /**
   * Resolves when every service is ready.
   * @returns what each service reported, by name
   * @throws StartError when a service does not become ready; call `stop` then. A service that exits during the start is not
   *   restarted: the cause (a port in use, a bad setting) needs a person
   */
  async start(): Promise<Map<string, ReadyFacts>> {
    const facts = new Map<string, ReadyFacts>();
    for (const stage of this.#stages) {
      if (this.#stopping.signal.aborted) break;
      const runs = stage.map((definition) => this.#launch(definition));
      await Promise.all(runs.map(async (run) => facts.set(run.definition.name, await run.ready)));
    }
    for (const run of this.#runs.values()) void this.#keepAlive(run);
    return facts;
  }

  /** Stops all services in order. Further calls wait for the same end. */
  stop(): Promise<void> {
    this.#stopping.abort();
    this.#stopped ??= this.#stopAll();
    return this.#stopped;
  }

  /** Sends SIGKILL to everything, now. */
  kill(): void {
    this.#stopping.abort();
    for (const run of this.#runs.values()) run.kill();
  }

  #launch(definition: ServiceDefinition): ServiceRun {
    const run = new ServiceRun(definition);
    this.#runs.set(definition.name, run);
    this.#events.changed([...this.#runs.values()]);
    return run;
  }

  async #stopAll(): Promise<void> {
    for (const run of [...this.#runs.values()].reverse()) {
      if (!run.hasEnded) this.#events.stopping(run.definition.name);
      if (!(await run.stop())) this.#events.killed(run.definition.name, run.definition.graceMs);
    }
  }

  async #keepAlive(run: ServiceRun): Promise<void> {
    const { name } = run.definition;
    const exits: number[] = [];
    for (;;) {
      const how = await run.ended;
      if (this.#stopping.signal.aborted) return;
      // Its own children may still be running.
      run.kill();
      exits.push(Date.now());
      const wait = restartDelay(exits);
      this.#events.exited(name, how, wait);
      if (wait === null) return this.#exhausted(name);
      await sleep(wait, this.#stopping.signal).catch(() => {});
      if (this.#stopping.signal.aborted) return;
      run = this.#launch(run.definition);
      run.ready.then(
        () => this.#events.restarted(name),
        (error: Error) => this.#stopping.signal.aborted || this.#events.restartFailed(error.message),
      );
    }
  }
}
