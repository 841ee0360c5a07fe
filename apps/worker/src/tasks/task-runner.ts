import type { Registry } from '@facequeue/metrics';
import type { BatchTask, WorkerQueue } from '@facequeue/queue';
import type { Logger } from '@facequeue/service';
import { createObjectLister, createObjectWriter, listerOptions, writerOptions } from '@facequeue/source';
import { PollLoop } from '@facequeue/time';
import type { WorkerConfig } from '../config.ts';
import { WorkerStopping } from '../images/active-jobs.ts';
import type { Runner } from '../runner.ts';
import { runTask } from './run-task.ts';
import { LEASE_MS, type TaskDeps } from './task.ts';

/** Tasks at a time: each holds a page of results and a part of 8 MiB. A task that waits for room is released. */
const CONCURRENCY = 2;

/** Lists buckets into batches, and writes the outputs of batches. */
export function startTaskRunner(queue: WorkerQueue, config: WorkerConfig, log: Logger, metrics: Registry): Runner {
  const lister = createObjectLister(listerOptions(config));
  const writer = createObjectWriter(writerOptions(config));
  const tasks = startTasks({ tasks: queue.tasks, lister, writer, log, metrics, random: Math.random });
  return {
    drain: () => tasks.close(),
    // Draining has released the active tasks already.
    abort: () => {},
    async close() {
      await Promise.all([lister.close(), writer.close()]);
    },
  };
}

/** Leases tasks and runs them. */
export function startTasks(deps: TaskDeps): { close(): Promise<void> } {
  const { tasks, log } = deps;
  const stopping = new AbortController();
  const loop = new PollLoop({
    async take(room) {
      const leased: BatchTask[] = [];
      while (leased.length < room) {
        const task = await tasks.lease(LEASE_MS);
        if (!task) break;
        leased.push(task);
      }
      return leased;
    },
    run: (task) => runTask(deps, task, stopping.signal),
    concurrency: CONCURRENCY,
    onError: (error) => log.warn({ err: error }, 'cannot poll tasks'),
    subscribe: (wake) => tasks.onTask(wake),
  });
  return {
    /** Releases the active tasks: their progress is saved. */
    async close() {
      stopping.abort(new WorkerStopping('the worker is stopping'));
      await loop.close();
    },
  };
}
