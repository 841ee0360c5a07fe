/** Takes deliveries from one BullMQ queue and passes them to a handler. */
import type { QueueName } from '@facequeue/schema';
import { exponentialBackoff, settlesInTime } from '@facequeue/time';
import { DelayedError, type Job, WaitingError, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { ActiveJob, ActiveJobs } from '../job/active-jobs.ts';
import { bullPrefix } from './bull-queues.ts';

/**
 * A dead worker's jobs are delivered again 4.6 s later on average: its locks expire, then the next check sees it.
 * Measured against 15 s / 5 s (11-17 s) and BullMQ's defaults (32-91 s).
 */
const LOCK_MS = 5000;
const STALL_CHECK_MS = 2000;
/** Past its limit BullMQ would fail a job without asking us. The record counts attempts; this limit is never reached. */
const STALLS = Number.MAX_SAFE_INTEGER;
/** A delivery whose job could not even be claimed comes back after this. */
const UNCLAIMED_AGAIN_MS = 1000;
/** When a job whose handler threw is delivered again. */
const redeliveryDelay = exponentialBackoff({ firstMs: 500, maxMs: 30_000, jitter: 0.5 });
/** BullMQ's pause after a lost connection; its default of 15 s would idle a worker long after Redis is back. */
const RUN_RETRY_MS = 500;
/** What BullMQ passes around as the job's value: as little as possible, results travel in the record. */
const RECEIPT = 0;
/** After the last handler BullMQ has its own records to write; without Redis it would wait for ever. */
const CLOSE_GRACE_MS = 2000;

/**
 * Runs one delivered job: claims it by its delivery id, then ends or releases it by the id it was claimed as. If it throws, the job is
 * delivered again with back-off. `signal` aborts with a JobAborted when the outcome is no longer wanted: the job was canceled, or was
 * delivered to another worker.
 */
export type JobHandler = (deliveryId: string, signal: AbortSignal, place: Place) => Promise<void>;

/**
 * A handler's place among those that may run at a time. A handler that waits for something else than this process leaves it to another
 * one meanwhile. Calls in excess do nothing; the place of a handler that returns is free in any case.
 */
export interface Place {
  leave(): void;
  rejoin(): void;
}

/** BullMQ's worker, whose number of active jobs may change while it waits for one of them to end. */
class ElasticWorker extends Worker {
  /** Takes more jobs at once when the number has grown: its loop looks at the number only when a job has ended, or at `resume()`. */
  setConcurrency(concurrency: number): void {
    const grows = concurrency > this.concurrency;
    this.concurrency = concurrency;
    // As `resume()` does, without what else it does (5.x, 6.x).
    if (grows) (this as unknown as MainLoop).mainLoopQueue?.add(Promise.resolve());
  }
}

/** A private part of BullMQ's worker: what its loop waits for. */
interface MainLoop {
  mainLoopQueue: { add(fetched: Promise<void>): void } | null;
}

export interface Consumer {
  /** Stops taking jobs; resolves when the active ones have ended. */
  close(): Promise<void>;
}

export interface ConsumerContext {
  redis: Redis;
  prefix: string;
  activeJobs: ActiveJobs;
  /** Returns a claimed job to its queue; false when the claim is stale. */
  release: (id: string, attempt: number, delayMs: number) => Promise<boolean>;
  onError: (error: Error) => void;
}

export async function startConsumer(
  context: ConsumerContext,
  queue: QueueName,
  concurrency: number,
  handler: JobHandler,
): Promise<Consumer> {
  const { redis, prefix, activeJobs, onError } = context;

  const running = new Set<Promise<void>>();
  let away = 0;
  const takePlace = (): Place & Disposable => {
    let isAway = false;
    const move = (to: boolean) => {
      if (to === isAway) return;
      isAway = to;
      away += isAway ? 1 : -1;
      worker.setConcurrency(concurrency + away);
    };
    return { leave: () => move(true), rejoin: () => move(false), [Symbol.dispose]: () => move(false) };
  };
  const handle = async (active: ActiveJob): Promise<void> => {
    using place = takePlace();
    try {
      await handler(active.deliveryId, active.signal, place);
    } catch (error) {
      onError(error as Error);
      await redeliver(context, active).catch(onError);
    } finally {
      activeJobs.remove(active);
    }
  };
  const deliver = async (job: Job, token = ''): Promise<number> => {
    const active = activeJobs.add(job.id!, queue);
    const done = handle(active);
    running.add(done);
    await done.finally(() => running.delete(done));
    if (active.redeliverAfterMs === null) return RECEIPT;
    // Throwing these tells BullMQ that the job was moved and has not ended.
    if (active.redeliverAfterMs === 0) {
      await job.moveToWait(token);
      throw new WaitingError();
    }
    await job.moveToDelayed(Date.now() + active.redeliverAfterMs, token);
    throw new DelayedError();
  };

  const worker = new ElasticWorker(queue, deliver, {
    connection: redis,
    prefix: bullPrefix(prefix),
    concurrency,
    autorun: false,
    lockDuration: LOCK_MS,
    stalledInterval: STALL_CHECK_MS,
    maxStalledCount: STALLS,
    runRetryDelay: RUN_RETRY_MS,
  });
  worker.on('error', onError);
  worker.on('lockRenewalFailed', (ids: string[]) => {
    for (const id of ids) activeJobs.get(id)?.abort('lock_lost');
  });
  await worker.waitUntilReady();
  worker.run().catch(onError);
  return {
    async close() {
      const closing = worker.close().catch(onError);
      let closed: boolean;
      do {
        await Promise.allSettled(running);
        closed = await settlesInTime(closing, CLOSE_GRACE_MS);
        // A job that was on its way when the worker began to close is handled too.
      } while (!closed && running.size > 0);
    },
  };
}

/** A handler that threw has neither ended nor released its job: it is delivered again after a pause. */
async function redeliver(context: ConsumerContext, active: ActiveJob): Promise<void> {
  if (active.attempt === null) active.redeliverAfterMs = UNCLAIMED_AGAIN_MS;
  else await context.release(active.jobId, active.attempt, redeliveryDelay(active.attempt));
}
