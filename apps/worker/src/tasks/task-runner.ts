import type { Registry } from '@facequeue/metrics';
import type { BatchTask, WorkerQueue } from '@facequeue/queue';
import { createObjectLister, createObjectWriter, listerOptions, writerOptions } from '@facequeue/source';
import type { WorkerConfig } from '../config.ts';
import { WorkerStopping } from '../images/active-jobs.ts';
import type { Logger } from '../log.ts';
import { startPollLoop } from '../poll-loop.ts';
import type { Runner } from '../runner.ts';
import { runTask } from './run-task.ts';
import { LEASE_MS, type TaskDeps } from './task.ts';

/** Tasks in hand: each holds a page of results and a part of 8 MiB. One that waits for room is given back. */
const TASKS = 2;

/** Lists buckets into batches, and writes the outputs of batches. */
export function startTaskRunner(queue: WorkerQueue, config: WorkerConfig, log: Logger, metrics: Registry): Runner {
  const lister = createObjectLister(listerOptions(config));
  const writer = createObjectWriter(writerOptions(config));
  const work = startTasks({ tasks: queue.tasks, lister, writer, log, metrics, random: Math.random });
  return {
    drain: () => work.close(),
    abort: () => {},
    async end() {
      await Promise.all([lister.close(), writer.close()]);
    },
  };
}

/** Takes tasks and does them. */
export function startTasks(deps: TaskDeps): { close(): Promise<void> } {
  const { tasks, log } = deps;
  const stopping = new AbortController();
  const pollLoop = startPollLoop({
    what: 'tasks',
    async take(room) {
      const taken: BatchTask[] = [];
      while (taken.length < room) {
        const task = await tasks.lease(LEASE_MS);
        if (!task) break;
        taken.push(task);
      }
      return taken;
    },
    carry: (task) => runTask(deps, task, stopping.signal),
    listen: (ring) => tasks.onTask(ring),
    concurrency: TASKS,
    log,
  });
  return {
    /** Gives back what is in hand: where it has got to is saved. */
    async close() {
      stopping.abort(new WorkerStopping('the worker is stopping'));
      await pollLoop.close();
    },
  };
}
