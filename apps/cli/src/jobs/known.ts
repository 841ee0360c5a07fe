import type { Client, JobResource } from '@facequeue/client';
import { type FacequeueError, isFacequeueError } from '@facequeue/schema';
import type { Print, Say } from '../commands.ts';
import { INTERRUPTED, type Interruption } from '../interruption.ts';
import { inOrder } from './in-order.ts';
import type { IdsCall } from './options.ts';
import { reportFor } from './report.ts';
import { endedBadly } from './submit.ts';

/** Jobs asked for at a time. */
const AT_ONCE = 16;

type Outcome = { id: string } & ({ job: JobResource | null } | { error: FacequeueError } | { left: true });

/**
 * Does one thing to jobs that exist and prints what they are then, in the order of the arguments.
 * @returns the exit code
 */
export async function knownJobs(
  call: IdsCall & { action: Exclude<IdsCall['action'], 'follow'> },
  client: Client,
  { stop }: Interruption,
  print: Print,
  say: Say,
): Promise<number> {
  const { action, ids, timeoutMs } = call;
  /** Null: the job is there no more. */
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
      if (stop.aborted && error === stop.reason) return { id, left: true };
      if (!isFacequeueError(error)) throw error;
      return { id, error };
    }
  };

  const report = reportFor(call, false);
  const left: string[] = [];
  let failed = false;
  const begun = await inOrder(ids, AT_ONCE, stop, outcomeOf, (outcome) => {
    if ('left' in outcome) left.push(outcome.id);
    else if ('error' in outcome) print(report.failed({ id: outcome.id }, outcome.error));
    else print(outcome.job ? report.job(outcome.job, {}) : report.erased(outcome.id));
    // Canceled is what `cancel` is for.
    failed ||=
      'error' in outcome || ('job' in outcome && action !== 'cancel' && !!outcome.job && endedBadly(outcome.job));
  });
  if (!stop.aborted) return failed ? 1 : 0;
  const open = [...left, ...ids.slice(begun)];
  say(`Interrupted. ${action === 'wait' ? 'These jobs go on' : 'Not told of'}: ${open.join(' ')}`);
  return INTERRUPTED;
}

/**
 * Prints each change of a job until it ends.
 * @returns the exit code
 */
export async function followJob(
  call: IdsCall,
  client: Client,
  { stop }: Interruption,
  print: Print,
  say: Say,
): Promise<number> {
  const id = call.ids[0]!;
  const report = reportFor(call, false);
  let failed = false;
  try {
    for await (const event of client.follow(id, { signal: stop })) {
      print(report.event(event));
      failed = event.type === 'job' && endedBadly(event.job);
    }
    return failed ? 1 : 0;
  } catch (error) {
    if (stop.aborted && error === stop.reason) {
      say(`Interrupted. The job goes on: ${id}`);
      return INTERRUPTED;
    }
    if (!isFacequeueError(error)) throw error;
    print(report.failed({ id }, error));
    return 1;
  }
}
