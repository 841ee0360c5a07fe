import { type ChildProcess, spawn } from 'node:child_process';
import { settlesInTime } from '@facequeue/time';
import { groupEnded, identify, type ProcessIdentity, signalGroup, signalOne } from './process-identity.ts';

/** What a service reports when it is ready; the gateway reports its URL. */
export interface ReadyFacts {
  url?: string;
}

/** A long-running program that `serve` starts and restarts. */
export interface ServiceDefinition {
  name: string;
  command: string;
  args: string[];
  /** Returns the environment for the next start. */
  env: () => NodeJS.ProcessEnv;
  /** Resolves when the service is ready; absent: it reports that itself, as `{type:'ready'}` over IPC. */
  probe?: (ended: AbortSignal) => Promise<void>;
  /** Time between SIGTERM and SIGKILL, ms. */
  graceMs: number;
  /** Returns a likely reason for its exit, for the person who runs `serve`. */
  explain?: () => string;
}

/** A service did not become ready; the message is for the person who runs `serve`. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/** Time limit for the group of a killed service to end, ms. Only a process that is stuck in the kernel takes longer. */
const GROUP_END_MS = 1000;

/** What the gateway and the worker send to their parent process. */
type Message = ({ type: 'ready' } & ReadyFacts) | { type: 'failed'; message: string };

/** One run of a service: a child process in its own group, which the terminal's Ctrl-C does not reach. */
export class ServiceRun {
  readonly definition: ServiceDefinition;
  /** Null when the process could not be spawned. */
  readonly process: ProcessIdentity | null;
  /** Resolves when the service is ready. @throws StartError when it reports that it cannot start, or exits before */
  readonly ready: Promise<ReadyFacts>;
  /** Resolves with how the process ended. */
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;
  readonly #end = new AbortController();

  constructor(definition: ServiceDefinition) {
    this.definition = definition;
    const { command, args, probe } = definition;
    this.#child = spawn(command, args, {
      env: definition.env(),
      detached: true,
      // Logs are inherited, not copied through this process.
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
    void this.ended.then(() => this.#end.abort());
    this.ready = Promise.race([probe ? probe(this.#end.signal).then(() => ({})) : this.#message(), this.#early()]);
    // A restart awaits `ended`, not this.
    this.ready.catch(() => {});
  }

  get hasEnded(): boolean {
    return this.#end.signal.aborted;
  }

  /**
   * Sends SIGTERM, and SIGKILL to its group when it has exited or the grace period is over. Resolves when the group is gone.
   * @returns whether it ended within the grace period
   */
  async stop(): Promise<boolean> {
    if (this.process && !this.hasEnded) signalOne(this.process.pid, 'SIGTERM');
    const inTime = await settlesInTime(this.ended, this.definition.graceMs);
    this.kill();
    await this.ended;
    // Its children write to the same log. When they have ended too, no line of theirs follows what is printed next.
    if (this.process) await groupEnded(this.process.pid, GROUP_END_MS);
    return inTime;
  }

  /** Sends SIGKILL to its group. A group outlives its leader, so this also ends processes that a dead leader left. */
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
