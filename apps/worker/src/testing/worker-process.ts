/** Worker processes for tests. */
import { type AppProcess, startApp } from '../../../../test/support/processes/app-process.ts';
import { descendants } from '../../../../test/support/processes/process-table.ts';

const MAIN = new URL('../main.ts', import.meta.url);

export interface WorkerProcess extends AppProcess {
  /** Process ids of its engines. */
  engines(): number[];
}

/**
 * Starts a process, with one engine by default.
 * @param options as of `startApp`
 */
export function spawnWorker(env: Record<string, string>, options?: { supervised: boolean }): Promise<AppProcess> {
  return startApp(MAIN, { ENGINES: '1', LOG_LEVEL: 'debug', ...env }, options);
}

/** Starts a worker and waits until it takes jobs. */
export async function startTestWorker(env: Record<string, string>): Promise<WorkerProcess> {
  const worker = await spawnWorker(env);
  if (worker.first?.type !== 'ready') throw new Error(`the worker did not become ready:\n${worker.log()}`);
  return {
    ...worker,
    engines: () =>
      descendants(worker.pid)
        .filter(({ command }) => command.includes('engines/main.ts'))
        .map(({ pid }) => pid),
  };
}

/** Freezes engines: an image inside does not end before `thaw`. */
export const freeze = (pids: number[]) => pids.forEach((pid) => void process.kill(pid, 'SIGSTOP'));
export const thaw = (pids: number[]) => pids.forEach((pid) => void process.kill(pid, 'SIGCONT'));
