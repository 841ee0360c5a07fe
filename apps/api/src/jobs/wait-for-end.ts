import type { ServerResponse } from 'node:http';
import type { CompletionWait, JobRecord } from '@facequeue/queue';
import { abortOnDisconnect } from '../http/abort-on-disconnect.ts';
import { ClientDisconnected } from '../http/client-disconnected.ts';
import type { Shutdown } from '../http/shutdown.ts';

/**
 * Waits for the end of a job while its caller is connected.
 * @param waitMs longest wait, milliseconds
 * @returns the ended record; null when time is up or the gateway's grace period ends: the job goes on
 * @throws gone when the job is erased meanwhile; unavailable when Redis is unreachable at the end of the wait; ClientDisconnected
 */
export async function waitForEnd(
  wait: CompletionWait,
  waitMs: number,
  response: ServerResponse,
  shutdown: Shutdown,
): Promise<JobRecord | null> {
  using disconnect = abortOnDisconnect(response);
  using _ = shutdown.abortOnGraceEnd(disconnect.controller);
  const ended = await wait.ended(waitMs, disconnect.controller.signal);
  if (ended) return ended;
  if (response.destroyed) throw new ClientDisconnected('the client disconnected while it waited');
  return null;
}
