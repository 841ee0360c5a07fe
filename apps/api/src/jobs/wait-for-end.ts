import type { ServerResponse } from 'node:http';
import type { CompletionWait, JobRecord } from '@facequeue/queue';
import { abortOnDisconnect } from '../http/abort-on-disconnect.ts';
import { ClientDisconnected } from '../http/client-disconnected.ts';
import type { Shutdown } from '../http/shutdown.ts';

/**
 * Waits for the end of a job on behalf of the client behind `response`.
 * @param waitMs how long
 * @returns the ended record; null when time is up or the gateway ends: the job goes on
 * @throws gone when the job is erased meanwhile, unavailable when Redis is away at the end of the wait, ClientDisconnected when the client goes away
 */
export async function waitForEnd(
  wait: CompletionWait,
  waitMs: number,
  response: ServerResponse,
  shutdown: Shutdown,
): Promise<JobRecord | null> {
  using gone = abortOnDisconnect(response);
  using _ = shutdown.abortOnGraceEnd(gone.controller);
  const ended = await wait.ended(waitMs, gone.controller.signal);
  if (ended) return ended;
  if (response.destroyed) throw new ClientDisconnected('the client went away while it waited');
  return null;
}
