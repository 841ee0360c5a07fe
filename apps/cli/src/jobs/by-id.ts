import type { Client, JobResource } from '@facequeue/client';
import { type FacequeueError, isFacequeueError } from '@facequeue/schema';
import { INTERRUPTED, type Interruption } from '../interruption.ts';
import type { Output } from '../output.ts';
import { concurrentMap } from './concurrent-map.ts';
import type { IdsCall } from './options.ts';
import { endedBadly, reportFor } from './report.ts';

/** Jobs requested at a time. */
const CONCURRENCY = 16;

/** What can be done to jobs by their ids. */
export type IdsAction = 'status' | 'wait' | 'cancel' | 'erase';

/** `interrupted`: Ctrl-C came before the response. A null job was erased. */
type Outcome = { id: string } & ({ job: JobResource | null } | { error: FacequeueError } | { interrupted: true });

/**
 * Reads, awaits, cancels or erases jobs and prints them, in the order of the arguments.
 * @returns the exit code
 */
export async function jobsById(
  action: IdsAction,
  call: IdsCall,
  client: Client,
  { stop }: Interruption,
  { stdout, stderr }: Output,
): Promise<number> {
  const { ids, timeoutMs } = call;
  const act = async (id: string): Promise<JobResource | null> => {
    if (action === 'status') return client.job(id, { signal: stop });
    if (action === 'cancel') return client.cancel(id, { signal: stop });
    if (action === 'wait') return client.wait(id, { signal: stop, ...(timeoutMs !== undefined && { timeoutMs }) });
    await client.erase(id, { signal: stop });
    return null;
  };
  const outcomeOf = async (id: string): Promise<Outcome> => {
    try {
      return { id, job: await act(id) };
    } catch (error) {
      if (stop.aborted && error === stop.reason) return { id, interrupted: true };
      if (!isFacequeueError(error)) throw error;
      return { id, error };
    }
  };

  const report = reportFor(call, false);
  const interrupted: string[] = [];
  let failed = false;
  const started = await concurrentMap(ids, CONCURRENCY, stop, outcomeOf, (outcome) => {
    if ('interrupted' in outcome) interrupted.push(outcome.id);
    else if ('error' in outcome) stdout(report.failed({ id: outcome.id }, outcome.error));
    else stdout(outcome.job ? report.job(outcome.job, {}) : report.erased(outcome.id));
    // For `cancel`, a canceled job is success.
    failed ||=
      'error' in outcome || ('job' in outcome && action !== 'cancel' && !!outcome.job && endedBadly(outcome.job));
  });
  if (!stop.aborted) return failed ? 1 : 0;
  const open = [...interrupted, ...ids.slice(started)];
  stderr(`Interrupted. ${action === 'wait' ? 'These jobs continue' : 'Not reported'}: ${open.join(' ')}`);
  return INTERRUPTED;
}
