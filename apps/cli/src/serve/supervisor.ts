import { setTimeout as delay } from 'node:timers/promises';
import { restartDelay } from './restart-policy.ts';
import { type ReadyFacts, type ServiceDefinition, ServiceRun } from './service.ts';

/** What a supervisor tells of its work. */
export interface SupervisorEvents {
  /** The runs in being have changed; called before anything else happens, so that a record of them is never behind. */
  changed(runs: readonly ServiceRun[]): void;
  died(name: string, how: string, restartInMs: number | null): void;
  /** A service that was started again can be used. */
  back(name: string): void;
  /** A service that was started again did not come up. */
  refused(why: string): void;
  stopping(name: string): void;
}

/**
 * Starts services, keeps them alive and ends them in order. Stages start one after the other, the services of a stage
 * at the same time; services end one after the other, the last named first.
 */
export class Supervisor {
  /** Resolves with the name of a service that died too often to be started again. */
  readonly gaveUp: Promise<string>;
  readonly #giveUp: (name: string) => void;
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
    this.gaveUp = promise;
    this.#giveUp = resolve;
  }

  /**
   * Resolves when every service can be used.
   * @returns what each said of itself, by name
   * @throws StartError when one does not come up; call `stop` then. A service that dies during the start is not retried:
   *   what is wrong now (a port taken, a bad setting) is for a person to see
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

  /** Ends all services in order. Calling it again waits for the same end. */
  stop(): Promise<void> {
    this.#stopping.abort();
    this.#stopped ??= this.#stopInOrder();
    return this.#stopped;
  }

  /** SIGKILL to everything, now. */
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

  async #stopInOrder(): Promise<void> {
    for (const run of [...this.#runs.values()].reverse()) {
      if (!run.hasEnded) this.#events.stopping(run.definition.name);
      await run.stop();
    }
  }

  async #keepAlive(run: ServiceRun): Promise<void> {
    const { name } = run.definition;
    const deaths: number[] = [];
    for (;;) {
      const how = await run.ended;
      if (this.#stopping.signal.aborted) return;
      // Its own children may have outlived it.
      run.kill();
      deaths.push(Date.now());
      const wait = restartDelay(deaths);
      this.#events.died(name, how, wait);
      if (wait === null) return this.#giveUp(name);
      await delay(wait, undefined, { signal: this.#stopping.signal }).catch(() => {});
      if (this.#stopping.signal.aborted) return;
      run = this.#launch(run.definition);
      run.ready.then(
        () => this.#events.back(name),
        (error: Error) => this.#stopping.signal.aborted || this.#events.refused(error.message),
      );
    }
  }
}
