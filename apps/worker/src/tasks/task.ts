import type { Registry } from '@facequeue/metrics';
import type { BatchTask, BatchTasks } from '@facequeue/queue';
import type { ObjectLister, ObjectWriter } from '@facequeue/source';
import type { Logger } from '../log.ts';

/** A task is this worker's for so long, ms, unless it prolongs that: a dead worker's is taken up within it. */
export const LEASE_MS = 15_000;

/** What tasks are done with. */
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

/** The lease is another's, or the task is over: its batch was canceled or erased, or somebody else did it. */
export class TaskLost extends Error {
  override readonly name = 'TaskLost';
}

/** Throws when the queue says that the task is not this worker's any more. */
export async function assertOwned(kept: Promise<boolean>): Promise<void> {
  if (!(await kept)) throw new TaskLost('the task is not ours any more');
}

/** A task that is being done. */
export interface Work {
  /**
   * Goes on from where the task has got to until it is done.
   * @throws TaskLost, errors of the catalogue, the signal's reason
   */
  run(signal: AbortSignal): Promise<void>;
  /** Takes away what is only of use to go on with. */
  abandon(): Promise<void>;
}

export type WorkOn = (deps: TaskDeps, task: BatchTask) => Work;
