/** A gateway or a worker as a process of its own, as `serve` or a container starts it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** What an app reports to its parent. */
export type Report = { type: 'ready'; url?: string } | { type: 'failed'; message: string };

export interface AppProcess extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Its first report, null when it ended without one. */
  readonly first: Report | null;
  /** Its output so far. */
  log(): string;
  /** Its output on standard error so far. */
  errors(): string;
  /** The exit code, null when a signal ended it; resolves after all output has been read. */
  readonly exited: Promise<number | null>;
  /** Sends a signal and resolves as `exited`. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/**
 * Starts an app's main.ts and resolves when it has reported or ended.
 * @param env its environment, besides PATH
 * @param supervised whether it has an IPC channel for its report, as under `serve`
 */
export async function startApp(
  main: URL,
  env: Record<string, string>,
  { supervised = true } = {},
): Promise<AppProcess> {
  const child = spawn(process.execPath, [fileURLToPath(main)], {
    env: { PATH: process.env['PATH']!, ...env },
    stdio: ['ignore', 'pipe', 'pipe', ...(supervised ? (['ipc'] as const) : [])],
  });
  let log = '';
  let errors = '';
  for (const stream of [child.stdout!, child.stderr!]) stream.on('data', (chunk) => (log += chunk));
  child.stderr!.on('data', (chunk) => (errors += chunk));
  // Not 'exit': output may still be unread then.
  const exited = once(child, 'close').then(([code]) => code as number | null);
  const report = once(child, 'message').then(([message]) => message as Report);
  const first = await Promise.race([report, exited.then(() => null)]);
  const end = (signal: NodeJS.Signals) => {
    child.kill(signal);
    return exited;
  };
  return {
    child,
    pid: child.pid!,
    first,
    log: () => log,
    errors: () => errors,
    exited,
    end,
    [Symbol.asyncDispose]: async () => void (await end('SIGKILL')),
  };
}
