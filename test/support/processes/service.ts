import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { descendants, type ProcessFacts } from './process-table.ts';

const MAIN = new URL('../../../apps/cli/src/main.ts', import.meta.url).pathname;

/** A running `facequeue serve` of its own: free port, private Redis, private folder. */
export interface Service extends AsyncDisposable {
  url: string;
  pid: number;
  /** Its output so far. */
  log(): string;
  engines(): ProcessFacts[];
  worker(): ProcessFacts;
  gateway(): ProcessFacts;
  /** Sends SIGTERM, as an operator would; resolves with the exit code. */
  stop(): Promise<number | null>;
}

/**
 * Starts the whole service and resolves when it reports its URL.
 * @param env settings beside PORT=0 and a private FACEQUEUE_HOME
 * @param options `main`: the program of the command line; an earlier release has its own. `readyMs`: how long the start may take
 * @throws with the log when it ends instead or is not ready in time
 */
export async function startService(
  env: Record<string, string> = {},
  { main = MAIN, readyMs = 60_000 }: { main?: string | undefined; readyMs?: number } = {},
): Promise<Service> {
  const home = mkdtempSync(join(tmpdir(), 'facequeue-service-'));
  const child = spawn(process.execPath, [main, 'serve'], {
    env: { ...process.env, REDIS_URL: '', PORT: '0', FACEQUEUE_HOME: home, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const ready = new Promise<string>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      log += chunk;
      const match = /ready\b.*?(http:\/\/[\w.:[\]]+)/i.exec(log);
      if (match) resolve(match[1]!);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    exited.then(([code]) => reject(new Error(`serve ended with ${code}:\n${log}`)), reject);
    setTimeout(() => reject(new Error(`serve is not ready after ${readyMs / 1000} s:\n${log}`)), readyMs).unref();
  });
  const stop = async () => {
    child.kill('SIGTERM');
    const [code] = await exited;
    rmSync(home, { recursive: true, force: true });
    return code;
  };
  try {
    const url = await ready;
    const find = (part: string) => descendants(child.pid!).filter(({ command }) => command.includes(part));
    return {
      url,
      pid: child.pid!,
      log: () => log,
      engines: () => find('engines/main.ts'),
      worker: () => find('worker/src/main.ts')[0]!,
      gateway: () => find('api/src/main.ts')[0]!,
      stop,
      [Symbol.asyncDispose]: async () => void (await stop()),
    };
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}
