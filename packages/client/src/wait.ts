import type { JobResource } from '@facequeue/schema';
import { FacequeueError } from '@facequeue/schema/errors';
import { createDeadline } from './deadline.ts';
import { readRetryAfter } from './failure.ts';
import { createRetryPolicy, pause, pauseBeforeRetry } from './retry.ts';
import type { Answer } from './transport.ts';

/** How long one poll asks the service to wait. Common proxies cut a silent connection after 30 s at the earliest. */
const POLL_MS = 25_000;
/** What an answer may take beyond that. A connection that is silent for longer leads nowhere. */
const SLACK_MS = 15_000;

/** Asks once for a job, and the service to wait up to `waitMs` for its end. */
export type Poll = (waitMs: number, signal: AbortSignal) => Promise<Answer<JobResource>>;

/**
 * The job when it has ended, however it did.
 * @throws wait_timeout when `timeoutMs` is up; what `poll` throws, unless the service comes back; the signal's reason
 */
export async function waitForEnd(
  poll: Poll,
  id: string,
  timeoutMs: number,
  outer: AbortSignal | undefined,
): Promise<JobResource> {
  const began = performance.now();
  const late = new FacequeueError('wait_timeout', `the job has not ended within ${timeoutMs} ms`, { jobId: id });
  const all = createDeadline(timeoutMs, late, outer);
  const retries = createRetryPolicy();
  /** Polls in a row that came back unfinished before their time: from a gateway that is about to stop, say. */
  let hasty = 0;
  try {
    for (;;) {
      all.signal.throwIfAborted();
      const left = timeoutMs - (performance.now() - began);
      const waitMs = Math.max(0, Math.min(POLL_MS, left));
      const asked = performance.now();
      let answer: Answer<JobResource>;
      try {
        answer = await pollOnce(poll, waitMs, all.signal);
      } catch (error) {
        await retries.failed(error, all.signal);
        continue;
      }
      retries.succeeded();
      if (answer.json.finished_at !== null) return answer.json;
      hasty = performance.now() - asked < waitMs / 2 ? hasty + 1 : 0;
      const retryAfterMs = readRetryAfter(answer.headers.get('retry-after'), Date.now());
      if (hasty || retryAfterMs) {
        const ms = pauseBeforeRetry(
          Math.max(1, hasty),
          retryAfterMs || undefined,
          Math.random(),
          Number.POSITIVE_INFINITY,
        );
        await pause(ms!, all.signal);
      }
    }
  } finally {
    all.clear();
  }
}

async function pollOnce(poll: Poll, waitMs: number, outer: AbortSignal): Promise<Answer<JobResource>> {
  const late = new FacequeueError('unavailable', 'the service does not answer');
  const one = createDeadline(waitMs + SLACK_MS, late, outer);
  try {
    return await poll(waitMs, one.signal);
  } finally {
    one.clear();
  }
}
