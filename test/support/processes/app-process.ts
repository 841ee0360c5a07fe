/** A gateway or a worker as a process of its own, as `serve` or a container would start it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** What an app tells whoever started it. */
export type Report = { type: 'ready'; url?: string } | { type: 'failed'; message: string };

export interface AppProcess extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly pid: number;
  /** The first thing it said, null when it ended without a word. */
  readonly first: Report | null;
  /** Everything it has printed. */
  log(): string;
  /** What of it went to standard error. */
  errors(): string;
  /** The exit code, null when a signal ended it; resolves once all it has printed is there. */
  readonly exited: Promise<number | null>;
  /** Sends a signal and resolves as `exited`. */
  end(signal: NodeJS.Signals): Promise<number | null>;
}

/**
 * Starts an app's main.ts and resolves when it has said its first word or has ended.
 * @param env its whole environment besides PATH
 * @param supervised whether it has an IPC channel to say it on, as under `serve`
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
  // Not 'exit': what it has printed may still be on its way then.
  const exited = once(child, 'close').then(([code]) => code as number | null);
  const said = once(child, 'message').then(([message]) => message as Report);
  const first = await Promise.race([said, exited.then(() => null)]);
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
