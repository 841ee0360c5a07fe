/** Takes deliveries from one BullMQ queue and hands them to a handler. */
import { setTimeout } from 'node:timers/promises';
import type { QueueName } from '@facequeue/schema';
import { DelayedError, type Job, WaitingError, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Hand, Hands } from '../job/active-jobs.ts';
import { backoffMs } from '../state/backoff.ts';
import { bullPrefix } from './bull-queues.ts';

/**
 * A dead worker's jobs are delivered again 4.6 s later in the mean: its locks run out, then the next check sees it.
 * Measured against 15 s / 5 s (11-17 s) and BullMQ's defaults (32-91 s).
 */
const LOCK_MS = 5000;
const STALL_CHECK_MS = 2000;
/** Past its limit BullMQ would fail a job without asking us. The record counts attempts; this limit is never reached. */
const STALLS = Number.MAX_SAFE_INTEGER;
/** A delivery whose job could not even be claimed comes back after this. */
const UNCLAIMED_AGAIN_MS = 1000;
/** BullMQ's pause after a lost connection; its default of 15 s would idle a worker long after Redis is back. */
const RUN_RETRY_MS = 500;
/** What BullMQ passes around as the job's value: as little as possible, results travel in the record. */
const RECEIPT = 0;
/** After the last handler BullMQ has its own records to write; without Redis it would wait for ever. */
const CLOSE_GRACE_MS = 2000;

export interface ConsumerContext {
  redis: Redis;
  prefix: string;
  hands: Hands;
  /** Gives a claimed job back; false when it is no longer this claim's. */
  release: (id: string, attempt: number, delayMs: number) => Promise<boolean>;
  onError: (error: Error) => void;
}

export async function startConsumer(
  context: ConsumerContext,
  queue: QueueName,
  concurrency: number,
  handler: JobHandler,
): Promise<Consumer> {
  const { redis, prefix, hands, onError } = context;

  const handled = new Set<Promise<void>>();
  const handle = async (hand: Hand): Promise<void> => {
    try {
      await handler(hand.ticket, hand.signal);
    } catch (error) {
      onError(error as Error);
      await giveBack(context, hand);
    } finally {
      hands.put(hand);
    }
  };
  const deliver = async (job: Job, token = ''): Promise<number> => {
    const hand = hands.take(job.id!, queue);
    const done = handle(hand);
    handled.add(done);
    await done.finally(() => handled.delete(done));
    if (hand.againAfterMs === null) return RECEIPT;
    // Throwing these tells BullMQ that the job was moved and is not done with.
    if (hand.againAfterMs === 0) {
      await job.moveToWait(token);
      throw new WaitingError();
    }
    await job.moveToDelayed(Date.now() + hand.againAfterMs, token);
    throw new DelayedError();
  };

  const worker = new Worker(queue, deliver, {
    connection: redis,
    prefix: bullPrefix(prefix),
    concurrency,
    autorun: false,
    lockDuration: LOCK_MS,
    stalledInterval: STALL_CHECK_MS,
    maxStalledCount: STALLS,
    removeOnComplete: { count: 0 },
    removeOnFail: { count: 0 },
    runRetryDelay: RUN_RETRY_MS,
  });
  worker.on('error', onError);
  worker.on('lockRenewalFailed', (ids: string[]) => {
    for (const id of ids) hands.get(id)?.drop('lock_lost');
  });
  await worker.waitUntilReady();
  worker.run().catch(onError);
  return {
    async close() {
      let closed = false;
      const closing = worker
        .close()
        .catch(onError)
        .finally(() => {
          closed = true;
        });
      do {
        await Promise.allSettled(handled);
        await Promise.race([closing, setTimeout(CLOSE_GRACE_MS, undefined, { ref: false })]);
        // A job that was on its way when the worker began to close is handled, too.
      } while (!closed && handled.size > 0);
    },
  };
}

/** A handler that threw has neither ended nor released its job: it is delivered again after a pause. */
async function giveBack(context: ConsumerContext, hand: Hand): Promise<void> {
  if (hand.attempt === null) hand.againAfterMs = UNCLAIMED_AGAIN_MS;
  else await context.release(hand.jobId, hand.attempt, backoffMs(hand.attempt, Math.random()));
}
