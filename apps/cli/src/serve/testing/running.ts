import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProcessRecord } from '../home.ts';
import { isRunning, type ProcessIdentity, signalGroup } from '../process-identity.ts';

const MAIN = new URL('main.ts', import.meta.url).pathname;
const DEADLINE_MS = 30_000;

/** A private folder for one test and every `serve` started on it. Disposal removes all of it. */
export class TestHome implements AsyncDisposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'facequeue "serve\\ '));
  readonly #started: RunningServe[] = [];
  readonly #seen = new Map<string, ProcessIdentity>();

  start(env: Record<string, string> = {}): RunningServe {
    const serve = new RunningServe(this.folder, env);
    this.#started.push(serve);
    return serve;
  }

  /** The process record of the running `serve`. */
  record(): ProcessRecord {
    const record = JSON.parse(readFileSync(join(this.folder, 'processes.json'), 'utf8')) as ProcessRecord;
    for (const { process } of record.services) this.#seen.set(process.started + process.pid, process);
    return record;
  }

  service(name: string): ProcessIdentity {
    return this.record().services.find((service) => service.name === name)!.process;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const serve of this.#started) serve.signal('SIGKILL');
    try {
      this.record();
    } catch {
      // It stopped in order and left no record.
    }
    for (const process of this.#seen.values()) if (isRunning(process)) signalGroup(process.pid, 'SIGKILL');
    await Promise.all(this.#started.map((serve) => serve.exit));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** One `serve` process. */
export class RunningServe {
  readonly pid: number;
  /** Exit code, or the signal that ended it. */
  readonly exit: Promise<number | NodeJS.Signals>;
  #output = '';
  #onOutput = () => {};

  constructor(folder: string, env: Record<string, string>) {
    // One pipe for both outputs, as on a terminal: lines from two pipes would arrive in any order.
    const child = spawn('/bin/sh', ['-c', 'exec "$0" "$1" 2>&1', process.execPath, MAIN], {
      env: { ...process.env, REDIS_URL: '', PORT: '0', FACEQUEUE_HOME: folder, ...env },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    this.pid = child.pid!;
    const closed = once(child, 'close');
    this.exit = once(child, 'exit').then(async ([code, signal]) => {
      // After SIGKILL its services still have the pipe open. Otherwise wait for all output.
      if (signal !== 'SIGKILL') await closed;
      return code ?? signal;
    });
    child.stdout.on('data', (chunk) => {
      this.#output += chunk;
      this.#onOutput();
    });
    void this.exit.then(() => this.#onOutput());
  }

  get output(): string {
    return this.#output;
  }

  signal(signal: NodeJS.Signals): void {
    try {
      process.kill(this.pid, signal);
    } catch {
      // The process has ended.
    }
  }

  /** Resolves with the match once the output has it `times` times. */
  async waitForOutput(pattern: RegExp, times = 1): Promise<RegExpMatchArray> {
    const all = new RegExp(pattern, `${pattern.flags}g`);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`${pattern} was not printed within ${DEADLINE_MS / 1000} s:\n${this.#output}`)),
        DEADLINE_MS,
      );
      this.#onOutput = () => {
        const matches = [...this.#output.matchAll(all)];
        if (matches.length < times) return;
        clearTimeout(timer);
        resolve(matches[times - 1]!);
      };
      this.#onOutput();
    });
  }

  ready(): Promise<RegExpMatchArray> {
    return this.waitForOutput(/ready at (http:\S+)/);
  }
}
