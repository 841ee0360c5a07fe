import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { identify, type ProcessIdentity, signalGroup, signalOne } from './process-identity.ts';

/** What a service says of itself when it can be used; the gateway has its URL. */
export interface ReadyFacts {
  url?: string;
}

/** One long-running program that `serve` keeps alive. */
export interface ServiceDefinition {
  name: string;
  command: string;
  args: string[];
  /** The environment of the next start. */
  env: () => NodeJS.ProcessEnv;
  /** Resolves when it can be used; absent: it says so itself, as `{type:'ready'}` over IPC. */
  probe?: (ended: AbortSignal) => Promise<void>;
  /** How long it may take to end after SIGTERM before it is killed, ms. */
  graceMs: number;
  /** Why it may have ended, for the person who runs `serve`; asked when it has. */
  explain?: () => string;
}

/** A service did not come up; the message is for the person who runs `serve`. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/** What the gateway and the worker send to whoever started them. */
type Message = ({ type: 'ready' } & ReadyFacts) | { type: 'failed'; message: string };

/** One run of a service: a child process in a group of its own, out of reach of the terminal's Ctrl-C. */
export class ServiceRun {
  readonly definition: ServiceDefinition;
  /** Null when it could not be spawned at all. */
  readonly process: ProcessIdentity | null;
  /** Resolves when it can be used. @throws StartError when it says that it cannot start, or ends before */
  readonly ready: Promise<ReadyFacts>;
  /** Resolves, once it has ended, with how. */
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;
  readonly #end = new AbortController();

  constructor(definition: ServiceDefinition) {
    this.definition = definition;
    const { command, args, probe } = definition;
    this.#child = spawn(command, args, {
      env: definition.env(),
      detached: true,
      // Logs pass through as they are written, without a copy in this process.
      stdio: probe ? ['ignore', 'inherit', 'inherit'] : ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.process = this.#child.pid === undefined ? null : identify(this.#child.pid);
    this.ended = new Promise((resolve) => {
      this.#child.once('error', (error: NodeJS.ErrnoException) =>
        resolve(
          error.code === 'ENOENT' ? `${command} was not found; \`npm start\` installs what is missing` : error.message,
        ),
      );
      this.#child.once('exit', (code, signal) => resolve(signal ? `it was ended by ${signal}` : `exit code ${code}`));
    });
    this.ended.then(() => this.#end.abort());
    this.ready = Promise.race([probe ? probe(this.#end.signal).then(() => ({})) : this.#message(), this.#early()]);
    // Whoever restarts a service waits for its end, not for this.
    this.ready.catch(() => {});
  }

  get hasEnded(): boolean {
    return this.#end.signal.aborted;
  }

  /** SIGTERM, then SIGKILL to all of its group when the grace is over. */
  async stop(): Promise<void> {
    if (this.process && !this.hasEnded) signalOne(this.process.pid, 'SIGTERM');
    await Promise.race([this.ended, delay(this.definition.graceMs, undefined, { signal: this.#end.signal })]).catch(
      () => {},
    );
    this.kill();
    await this.ended;
  }

  /** SIGKILL to all of its group. A group outlives its leader, so this also gets what a dead leader left. */
  kill(): void {
    if (this.process) signalGroup(this.process.pid, 'SIGKILL');
  }

  #message(): Promise<ReadyFacts> {
    return new Promise((resolve, reject) => {
      this.#child.once('message', (message) => {
        const received = message as Message;
        if (received.type === 'ready') resolve(received);
        else reject(new StartError(received.message));
      });
    });
  }

  async #early(): Promise<never> {
    const how = await this.ended;
    const why = this.definition.explain?.();
    throw new StartError(`${this.definition.name} did not start: ${how}${why ? `\n${why}` : ''}`);
  }
}
