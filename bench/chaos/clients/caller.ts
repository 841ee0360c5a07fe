/** A client that does not give up: what every errand is run with. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, type Image, isFacequeueError } from '@facequeue/client';
import type { RequestCounts } from '../../../test/support/clients/counted-client.ts';
import type { Ledger } from '../ledger.ts';

/** A single call may take so long before its caller makes it anew, ms: longer than a gateway waits for a job. */
const CALL_MS = 25_000;
/** And so long for calls that go on until a job or batch has ended. */
const LONG_CALL_MS = 120_000;
/** Between two tries, ms. */
const AGAIN_MS = 200;
/** A caller that has not been answered for so long has been let down, ms: no fault lasts a tenth of it. */
const LET_DOWN_MS = 180_000;
/** Answers that say: not now. */
const LATER = ['unavailable', 'queue_full', 'quota_exceeded', 'wait_timeout'];

export interface Picture {
  bytes: Uint8Array;
  /** Where a worker can fetch it. */
  url: string;
}

export interface Caller {
  client: Client;
  ledger: Ledger;
  tally: Tally;
  pictures: readonly Picture[];
  /** Where webhooks are to be sent. */
  hook: string;
  /** Told that a webhook of this job must come. */
  expectHook(id: string): void;
}

/** What calls have come to. */
export interface Tally extends RequestCounts {
  /** Calls of the client that failed after its own retries, and were made anew. */
  failedCalls: number;
}

/** Nothing answers any more: what is left to do would fare no better. */
export class LetDown extends Error {
  override readonly name = 'LetDown';
}

export const bytesOf = (caller: Caller, picture: number): Extract<Image, { bytes: unknown }> => ({
  bytes: caller.pictures[picture]!.bytes,
});

/** Makes a call until it is answered, as a caller does who cannot do without. */
export function persist<T>(caller: Caller, what: string, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
  return persistFor(CALL_MS, caller, what, call);
}

/** The same for a call that lasts until a job or batch has ended. */
export function persistLong<T>(caller: Caller, what: string, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
  return persistFor(LONG_CALL_MS, caller, what, call);
}

async function persistFor<T>(
  ms: number,
  { tally }: Caller,
  what: string,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const began = performance.now();
  for (;;) {
    const signal = AbortSignal.timeout(ms);
    try {
      return await call(signal);
    } catch (error) {
      const later = signal.aborted || (isFacequeueError(error) && LATER.includes(error.code));
      if (!later) throw error;
      tally.failedCalls += 1;
      if (performance.now() - began > LET_DOWN_MS)
        throw new LetDown(`${what} was not answered for ${LET_DOWN_MS / 1000} s; last: ${error}`);
      await sleep(AGAIN_MS * (1 + Math.random()));
    }
  }
}
