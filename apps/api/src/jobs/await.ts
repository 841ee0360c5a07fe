import type { ServerResponse } from 'node:http';
import type { JobQueue, JobRecord, Wait } from '@facequeue/queue';
import { FacequeueError } from '@facequeue/schema';
import { HangUp } from '../body/receive.ts';
import type { Drain } from '../server/drain.ts';

/**
 * Waits for a submitted job on behalf of the client behind `response`. If that client goes away while the job is queued,
 * the job is canceled.
 * @param waitMs how long
 * @returns the ended record
 * @throws wait_timeout (the job goes on) when time is up or the gateway ends, HangUp
 */
export async function awaitEnd(
  queue: JobQueue,
  wait: Wait,
  id: string,
  waitMs: number,
  response: ServerResponse,
  drain: Drain,
): Promise<JobRecord> {
  const stop = new AbortController();
  const onClose = () => stop.abort();
  response.once('close', onClose);
  if (response.destroyed || response.socket?.destroyed) stop.abort();
  try {
    using _ = drain.watch(stop);
    const ended = await wait.ended(waitMs, stop.signal);
    if (ended) return ended;
  } finally {
    response.off('close', onClose);
  }
  if (response.destroyed) {
    await cancelQueued(queue, id);
    throw new HangUp('the client went away while it waited');
  }
  throw new FacequeueError('wait_timeout', `the job is not done yet; ask for ${id} later`, { jobId: id });
}

/** A job that runs already is let run: its time is spent. */
async function cancelQueued(queue: JobQueue, id: string): Promise<void> {
  const job = await queue.read(id);
  if (job?.status === 'queued') await queue.cancel(id);
}
