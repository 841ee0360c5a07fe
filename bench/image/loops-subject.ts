/** A subject of processes that each run a loop, without HTTP, queue or IPC while they are measured. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { descendants } from '../../test/support/processes/process-table.ts';
import { COUNT_COLLECTIONS } from '../support/collections/read.ts';
import type { FromLoop, ToLoop } from './loops/messages.ts';
import type { Picture } from './pictures.ts';
import type { Box } from './same-faces.ts';
import type { Load, Subject } from './subject.ts';

export interface LoopsOptions {
  title: string;
  /** Program of a process, which calls `serveLoop`. */
  module: URL;
  /** How many processes; one a core when absent. */
  count?: number;
  /** Whether the number of callers makes a difference. */
  callers?: boolean;
  env?: Record<string, string>;
  /** Flags of Node. */
  flags?: readonly string[];
  /** What the program gets on its command line. */
  argument?: string | undefined;
}

export class LoopsSubject implements Subject {
  readonly title: string;
  readonly callers: boolean;
  readonly forms = ['raw'] as const;
  readonly #children: readonly ChildProcess[];
  #prepared: string | null = null;

  private constructor({ title, callers = false }: LoopsOptions, children: readonly ChildProcess[]) {
    this.title = title;
    this.callers = callers;
    this.#children = children;
  }

  static async start(options: LoopsOptions): Promise<LoopsSubject> {
    const { module, count = availableParallelism(), env = {}, flags = [], argument } = options;
    const children = Array.from({ length: count }, () =>
      fork(fileURLToPath(module), argument === undefined ? [] : [argument], {
        // A dozen arenas of malloc would only cost memory: engines run with one, too.
        env: { ...process.env, MALLOC_ARENA_MAX: '1', NODE_OPTIONS: COUNT_COLLECTIONS, ...env },
        execArgv: [...flags],
        serialization: 'advanced',
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      }),
    );
    const subject = new LoopsSubject(options, children);
    try {
      await Promise.all(children.map(reply));
      return subject;
    } catch (error) {
      await subject[Symbol.asyncDispose]();
      throw error;
    }
  }

  async detect(picture: Picture): Promise<Box[]> {
    const [first] = await this.#prepare(picture);
    return first!;
  }

  async run({ picture, callers, ms }: Load): Promise<number[]> {
    if (this.#prepared !== picture.name) await this.#prepare(picture);
    const samples = await this.#ask({ type: 'run', ms, callers: this.callers ? callers : 1 }, 'ran');
    return samples.flatMap((message) => message.samples);
  }

  processes(): Record<string, number[]> {
    const parents = this.#children.map(({ pid }) => pid!);
    const children = parents.flatMap((pid) => descendants(pid)).map(({ pid }) => pid);
    return children.length > 0 ? { worker: parents, engines: children } : { loops: parents };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(
      this.#children.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        const exited = once(child, 'exit');
        child.disconnect();
        await exited;
      }),
    );
  }

  async #prepare({ bytes, name }: Picture): Promise<Box[][]> {
    const answers = await this.#ask({ type: 'prepare', bytes }, 'prepared');
    this.#prepared = name;
    return answers.map(({ boxes }) => boxes);
  }

  async #ask<T extends FromLoop['type']>(message: ToLoop, type: T): Promise<Extract<FromLoop, { type: T }>[]> {
    const replies = this.#children.map(reply);
    for (const child of this.#children) child.send(message);
    return (await Promise.all(replies)).map((answer) => {
      if (answer.type === type) return answer as Extract<FromLoop, { type: T }>;
      throw new Error(answer.type === 'failed' ? `${this.title}: ${answer.message}` : `unexpected ${answer.type}`);
    });
  }
}

/** The next message of a process. @throws when it ends instead */
async function reply(child: ChildProcess): Promise<FromLoop> {
  const abort = new AbortController();
  const exit = once(child, 'exit', { signal: abort.signal }).then(([code, by]) => {
    throw new Error(`${child.spawnargs.at(-1)} ended by ${by ?? `exit code ${code}`}`);
  });
  exit.catch(() => {});
  try {
    const [message] = (await Promise.race([once(child, 'message', { signal: abort.signal }), exit])) as [FromLoop];
    return message;
  } finally {
    abort.abort();
  }
}
