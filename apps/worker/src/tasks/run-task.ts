import { type BatchTask, backoffMs } from '@facequeue/queue';
import { FacequeueError, isFacequeueError } from '@facequeue/schema';
import { isTransient } from '@facequeue/source';
import type { Logger } from '../log.ts';
import { listObjects } from './list-objects.ts';
import { assertOwned, LEASE_MS, type TaskDeps, TaskLost, type WorkOn } from './task.ts';
import { writeOutput } from './write-output.ts';

/** Two may fail before a lease ends. */
const EXTEND_EVERY_MS = 5000;
/** A task that got nowhere so often is given up: with its pauses, some five minutes. */
export const MAX_TRIES = 10;
/** The first pause is half to all of this, each further one twice as long, ms. */
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;

const WORK: Record<BatchTask['kind'], WorkOn> = { list: listObjects, write: writeOutput };

/**
 * Does a task this worker has leased, from where it has got to. Whatever happens, it ends finished, given back or left
 * to whom it belongs now; what throws (Redis away) is left to its lease.
 * @param stopping aborts when it is to be given back
 */
export async function runTask(deps: TaskDeps, task: BatchTask, stopping: AbortSignal): Promise<void> {
  const { tasks } = deps;
  const { id: batch_id, requestId: request_id } = task.batch;
  const log = deps.log.child({ batch_id, request_id, task: task.kind, tries: task.tries });
  const count = (outcome: 'done' | 'failed' | 'retry' | 'stopping' | 'lost') =>
    deps.metrics.count('facequeue_tasks_total', { kind: task.kind, outcome });
  const work = WORK[task.kind](deps, task);
  const abandon = () => work.abandon().catch((error) => log.warn({ err: error }, 'an upload may be left'));
  try {
    using lease = keepLease(deps, task, log);
    const signal = AbortSignal.any([stopping, lease.lost]);
    try {
      signal.throwIfAborted();
      if (task.tries > MAX_TRIES)
        throw new FacequeueError('internal_error', 'Workers ended in the midst of it again and again.');
      await work.run(signal);
      await assertOwned(tasks.finish(task, null));
      log.info('task done');
      count('done');
    } catch (error) {
      if (lease.lost.aborted || error instanceof TaskLost) {
        log.debug('task lost');
        count('lost');
        if (!(await tasks.isPending(task))) await abandon();
        return;
      }
      if (stopping.aborted) {
        log.info('task given back: the worker is stopping');
        count('stopping');
        await tasks.release(task, 0);
        return;
      }
      const pause = pauseAfter(error, task, deps.random());
      if (pause !== null) {
        log.warn({ err: error, pause }, 'task will be tried again');
        count('retry');
        await tasks.release(task, pause);
        return;
      }
      log.warn({ err: error }, 'task failed');
      count('failed');
      // Another may have taken it up meanwhile, and goes on with the upload.
      await assertOwned(tasks.extend(task, LEASE_MS));
      await abandon();
      await tasks.finish(task, publicError(error));
    }
  } catch (error) {
    log.warn({ err: error }, 'task left to its lease');
  }
}

/** Milliseconds until a task that failed so is tried again; null when it is not. */
function pauseAfter(error: unknown, { tries }: BatchTask, random: number): number | null {
  if (isFacequeueError(error) && error.code === 'queue_full') return error.retryAfterMs ?? FIRST_PAUSE_MS;
  const hopeless = isFacequeueError(error) && error.code !== 'unavailable' && !isTransient(error);
  return hopeless || tries >= MAX_TRIES ? null : backoffMs(tries, random, FIRST_PAUSE_MS, LONGEST_PAUSE_MS);
}

function publicError(error: unknown) {
  if (!isFacequeueError(error)) return { code: 'internal_error' as const, detail: 'Internal error.' };
  return { code: error.code, detail: error.message };
}

/** Prolongs a lease until it is disposed; `lost` aborts when that is refused. */
function keepLease({ tasks }: TaskDeps, task: BatchTask, log: Logger): Disposable & { lost: AbortSignal } {
  const lost = new AbortController();
  let timer: NodeJS.Timeout;
  const next = () => {
    timer = setTimeout(async () => {
      try {
        await assertOwned(tasks.extend(task, LEASE_MS));
        if (!done) next();
      } catch (error) {
        if (error instanceof TaskLost) return lost.abort(error);
        log.debug({ err: error }, 'cannot prolong the lease');
        if (!done) next();
      }
    }, EXTEND_EVERY_MS);
  };
  let done = false;
  next();
  return {
    lost: lost.signal,
    [Symbol.dispose]() {
      done = true;
      clearTimeout(timer);
    },
  };
}
