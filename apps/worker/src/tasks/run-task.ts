import type { BatchTask } from '@facequeue/queue';
import { FacequeueError, isFacequeueError, isRefusedForNow } from '@facequeue/schema';
import type { Logger } from '@facequeue/service';
import { isTransient } from '@facequeue/source';
import { exponentialBackoff, linkedAbort, repeat } from '@facequeue/time';
import { listObjects } from './list-objects.ts';
import { assertOwned, type CreateTaskWork, LEASE_MS, type TaskDeps, TaskLost } from './task.ts';
import { writeOutput } from './write-output.ts';

/** A lease outlives two failed extensions. */
const EXTEND_EVERY_MS = 5000;
/** A task fails after this many tries without progress: about five minutes with the back-off. */
export const MAX_TRIES = 10;
const FIRST_DELAY_MS = 1000;
/** Half of each delay is random. */
const backoff = exponentialBackoff({ firstMs: FIRST_DELAY_MS, maxMs: 60_000, jitter: 0.5 });

const WORK: Record<BatchTask['kind'], CreateTaskWork> = { list: listObjects, write: writeOutput };

/**
 * Runs a leased task from its saved progress. Afterwards it is finished, released, or owned by another worker. If its outcome
 * cannot be recorded (Redis is unreachable), another worker takes it when the lease ends.
 * @param stopping aborts when the task must be released
 */
export async function runTask(deps: TaskDeps, task: BatchTask, stopping: AbortSignal): Promise<void> {
  const { tasks } = deps;
  const { id: batch_id, requestId: request_id } = task.batch;
  const log = deps.log.child({ batch_id, request_id, task: task.kind, tries: task.tries });
  const count = (outcome: 'done' | 'failed' | 'retry' | 'stopping' | 'lost') =>
    deps.metrics.count('facequeue_tasks_total', { kind: task.kind, outcome });
  const work = WORK[task.kind](deps, task);
  const abandon = () => work.abandon().catch((error) => log.warn({ err: error }, 'cannot abort the upload'));
  try {
    using lease = keepLease(deps, task, log);
    using active = linkedAbort(stopping, lease.lost);
    try {
      active.signal.throwIfAborted();
      if (task.tries > MAX_TRIES) throw new FacequeueError('internal_error', 'the task was interrupted too often');
      await work.run(active.signal);
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
        log.info('task released, the worker is stopping');
        count('stopping');
        await tasks.release(task, 0);
        return;
      }
      const delay = delayAfter(error, task, deps.random());
      if (delay !== null) {
        log.warn({ err: error, delay }, 'task failed, retrying');
        count('retry');
        await tasks.release(task, delay);
        return;
      }
      log.warn({ err: error }, 'task failed');
      count('failed');
      // Another worker may have leased the task meanwhile, and may be continuing the upload.
      await assertOwned(tasks.extend(task, LEASE_MS));
      await abandon();
      await tasks.finish(task, publicError(error));
    }
  } catch (error) {
    log.warn({ err: error }, 'task left to its lease');
  }
}

/** Milliseconds until a task that failed with `error` is tried again; null when it is not. */
function delayAfter(error: unknown, { tries }: BatchTask, random: number): number | null {
  if (isRefusedForNow(error)) return error.retryAfterMs ?? FIRST_DELAY_MS;
  const permanent = isFacequeueError(error) && error.code !== 'unavailable' && !isTransient(error);
  return permanent || tries >= MAX_TRIES ? null : backoff(tries, random);
}

function publicError(error: unknown) {
  if (!isFacequeueError(error)) return { code: 'internal_error' as const, detail: 'internal error' };
  return { code: error.code, detail: error.message };
}

/** Extends a lease until it is disposed; `lost` aborts when the queue refuses. */
function keepLease({ tasks }: TaskDeps, task: BatchTask, log: Logger): Disposable & { lost: AbortSignal } {
  const lost = new AbortController();
  const extending = repeat(async () => {
    try {
      await assertOwned(tasks.extend(task, LEASE_MS));
    } catch (error) {
      if (!(error instanceof TaskLost)) return log.debug({ err: error }, 'cannot extend the lease');
      lost.abort(error);
    }
  }, EXTEND_EVERY_MS);
  return { lost: lost.signal, [Symbol.dispose]: extending[Symbol.dispose] };
}
