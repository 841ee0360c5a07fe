import type { JobResource } from '@facequeue/schema';
import { FacequeueError } from '@facequeue/schema/errors';
import { Deadline, sleep } from '@facequeue/time';
import { readRetryAfter } from './failure.ts';
import { createRetryPolicy, patientRetryDelay } from './retry.ts';
import type { Answer } from './transport.ts';

/** How long one poll asks the service to wait. Common proxies close a silent connection after 30 s at the earliest. */
const POLL_MS = 25_000;
/** How much longer an answer may take. A connection that is silent for longer is dead. */
const SLACK_MS = 15_000;

/** Reads a job; the service may wait up to `waitMs` for its end. */
export type Poll = (waitMs: number, signal: AbortSignal) => Promise<Answer<JobResource>>;

/**
 * Waits until a job has ended, whether it succeeded or not.
 * @throws wait_timeout after `timeoutMs`; the error of `poll`, unless the service comes back in time; the signal's reason
 */
export async function waitForEnd(
  poll: Poll,
  id: string,
  timeoutMs: number,
  outer: AbortSignal | undefined,
): Promise<JobResource> {
  const began = performance.now();
  const whole = new Deadline({
    ms: timeoutMs,
    onTimeout: () => new FacequeueError('wait_timeout', `the job has not ended within ${timeoutMs} ms`, { jobId: id }),
    parent: outer,
  });
  const retries = createRetryPolicy();
  /** Polls in a row that returned an unfinished job too early, for example from a gateway that is shutting down. */
  let earlyPolls = 0;
  try {
    for (;;) {
      const left = timeoutMs - (performance.now() - began);
      const waitMs = Math.max(0, Math.min(POLL_MS, left));
      const asked = performance.now();
      let answer: Answer<JobResource>;
      try {
        answer = await boundedPoll(poll, waitMs, whole.signal);
      } catch (error) {
        await retries.failed(error, whole.signal);
        continue;
      }
      retries.succeeded();
      if (answer.json.finished_at !== null) return answer.json;
      earlyPolls = performance.now() - asked < waitMs / 2 ? earlyPolls + 1 : 0;
      const retryAfterMs = readRetryAfter(answer.headers.get('retry-after'), Date.now()) || undefined;
      if (earlyPolls || retryAfterMs) {
        await sleep(patientRetryDelay(Math.max(1, earlyPolls), retryAfterMs), whole.signal);
      }
    }
  } finally {
    whole.dispose();
  }
}

async function boundedPoll(poll: Poll, waitMs: number, outer: AbortSignal): Promise<Answer<JobResource>> {
  const deadline = new Deadline({
    ms: waitMs + SLACK_MS,
    onTimeout: () => new FacequeueError('unavailable', 'the service does not answer'),
    parent: outer,
  });
  try {
    return await poll(waitMs, deadline.signal);
  } finally {
    deadline.dispose();
  }
}
