/** A worker process of its own for tests, as `serve` or a container would start it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { descendants } from '../../../../test/support/processes.ts';

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));

export interface WorkerProcess extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Everything it has printed. */
  log(): string;
  /** Process ids of its engines. */
  engines(): number[];
  /** Sends a signal and resolves with the exit code, null when the signal ended it. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/**
 * Starts a process with one engine, unless told otherwise.
 * @param supervised whether it has an IPC channel, as under `serve`; `first` is the first thing it says there
 */
export async function spawnWorker(env: Record<string, string>, { supervised = true } = {}) {
  const child = spawn(process.execPath, [MAIN], {
    env: { PATH: process.env['PATH']!, ENGINES: '1', LOG_LEVEL: 'debug', ...env },
    stdio: ['ignore', 'pipe', 'pipe', ...(supervised ? (['ipc'] as const) : [])],
  });
  let log = '';
  child.stdout!.on('data', (chunk) => (log += chunk));
  child.stderr!.on('data', (chunk) => (log += chunk));
  // Not 'exit': what it has printed may still be on its way then.
  const exited = once(child, 'close') as Promise<[number | null]>;
  const [first] = (await Promise.race([once(child, 'message'), exited.then(() => [null])])) as [
    { type: string; message?: string } | null,
  ];
  return { child, log: () => log, exited, first };
}

/** Starts a worker and waits until it takes jobs. */
export async function startTestWorker(env: Record<string, string>): Promise<WorkerProcess> {
  const { child, log, exited, first } = await spawnWorker(env);
  if (first?.type !== 'ready') throw new Error(`the worker did not get ready:\n${log()}`);
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    return (await exited)[0];
  };
  return {
    child,
    pid: child.pid!,
    log,
    engines: () =>
      descendants(child.pid!)
        .filter(({ command }) => command.includes('engine/main.ts'))
        .map(({ pid }) => pid),
    end,
    [Symbol.asyncDispose]: async () => void (await end('SIGKILL')),
  };
}
