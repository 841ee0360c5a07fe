import type { ServerResponse } from 'node:http';
import type { CompletionWait, JobRecord } from '@facequeue/queue';
import { HangUp } from '../body/receive.ts';
import { untilGone } from '../http/until-gone.ts';
import type { Drain } from '../server/drain.ts';

/**
 * Waits for the end of a job on behalf of the client behind `response`.
 * @param waitMs how long
 * @returns the ended record; null when time is up or the gateway ends: the job goes on
 * @throws gone when the job is erased meanwhile, unavailable when Redis is away at the end of the wait, HangUp when the client goes away
 */
export async function awaitEnd(
  wait: CompletionWait,
  waitMs: number,
  response: ServerResponse,
  drain: Drain,
): Promise<JobRecord | null> {
  using gone = untilGone(response);
  using _ = drain.endOfGrace(gone.controller);
  const ended = await wait.ended(waitMs, gone.controller.signal);
  if (ended) return ended;
  if (response.destroyed) throw new HangUp('the client went away while it waited');
  return null;
}
