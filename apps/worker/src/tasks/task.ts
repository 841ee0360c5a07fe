import type { Registry } from '@facequeue/metrics';
import type { BatchTask, BatchTasks } from '@facequeue/queue';
import type { Logger } from '@facequeue/service';
import type { ObjectLister, ObjectWriter } from '@facequeue/source';

/** Lease of a task, ms. Its worker extends it; another worker takes the task of a dead one within this time. */
export const LEASE_MS = 15_000;

/** What tasks work with. */
export interface TaskDeps {
  tasks: Pick<
    BatchTasks,
    'lease' | 'extend' | 'save' | 'append' | 'results' | 'release' | 'finish' | 'isPending' | 'onTask'
  >;
  lister: Pick<ObjectLister, 'page'>;
  writer: Pick<ObjectWriter, 'inspect' | 'put' | 'begin' | 'putPart' | 'complete' | 'abort'>;
  log: Logger;
  metrics: Registry;
  /** 0 to 1, for jitter. */
  random(): number;
}

/** Another worker has the lease, or the task is over: its batch was canceled or erased, or another worker finished it. */
export class TaskLost extends Error {
  override readonly name = 'TaskLost';
}

/**
 * Stops a worker that no longer owns its task.
 * @param owned what a call to the queue returned
 * @throws TaskLost
 */
export async function assertOwned(owned: Promise<boolean>): Promise<void> {
  if (!(await owned)) throw new TaskLost('this worker no longer owns the task');
}

/** The work of one task, resumable: its progress is saved in the task's state. */
export interface TaskWork {
  /**
   * Works from the saved progress to the end.
   * @throws TaskLost, FacequeueError, the signal's reason
   */
  run(signal: AbortSignal): Promise<void>;
  /** Removes what only another run could use. */
  abandon(): Promise<void>;
}

/** Makes the work of a task of one kind. */
export type CreateTaskWork = (deps: TaskDeps, task: BatchTask) => TaskWork;
