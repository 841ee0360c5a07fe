/** A client that retries until it is answered. Every operation runs with one. */

import { type Client, type Image, isFacequeueError } from '@facequeue/client';
import { sleep } from '@facequeue/time';
import type { RequestCounts } from '../../../test/support/clients/counted-client.ts';
import type { Expectations } from '../expectations.ts';

/** Time-out of a single call, ms: longer than a gateway waits for a job. */
const CALL_MS = 25_000;
/** Time-out of calls that last until a job or batch has ended, ms. */
const LONG_CALL_MS = 120_000;
/** Delay between two tries, ms. */
const RETRY_MS = 200;
/** A caller without an answer for this long stops the run, ms: no fault lasts a tenth of it. */
const NO_ANSWER_MS = 180_000;
/** Codes of answers that ask to try later. */
const RETRYABLE = ['unavailable', 'queue_full', 'quota_exceeded', 'wait_timeout'];

export interface Picture {
  bytes: Uint8Array;
  /** Where a worker can fetch it. */
  url: string;
}

export interface Caller {
  client: Client;
  expectations: Expectations;
  counts: CallCounts;
  pictures: readonly Picture[];
  webhookUrl: string;
  /** Called with the id of a job whose webhook must arrive. */
  expectWebhook(id: string): void;
}

/** Counts of requests and calls. */
export interface CallCounts extends RequestCounts {
  /** Calls that failed after the client's own retries, and were repeated. */
  failedCalls: number;
}

/** No gateway answers any more, so no further operation is started. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
}

export const bytesOf = (caller: Caller, picture: number): Extract<Image, { bytes: unknown }> => ({
  bytes: caller.pictures[picture]!.bytes,
});

/** Repeats a call until it is answered. @throws NoAnswer after three minutes */
export function retryCall<T>(caller: Caller, what: string, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
  return retryFor(CALL_MS, caller, what, call);
}

/** The same for a call that lasts until a job or batch has ended. */
export function retryLongCall<T>(caller: Caller, what: string, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
  return retryFor(LONG_CALL_MS, caller, what, call);
}

async function retryFor<T>(
  ms: number,
  { counts }: Caller,
  what: string,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const startedAt = performance.now();
  for (;;) {
    const signal = AbortSignal.timeout(ms);
    try {
      return await call(signal);
    } catch (error) {
      const retryable = signal.aborted || (isFacequeueError(error) && RETRYABLE.includes(error.code));
      if (!retryable) throw error;
      counts.failedCalls += 1;
      if (performance.now() - startedAt > NO_ANSWER_MS)
        throw new NoAnswer(`${what} got no answer for ${NO_ANSWER_MS / 1000} s; last: ${error}`);
      await sleep(RETRY_MS * (1 + Math.random()));
    }
  }
}
