import type { Client } from '@facequeue/client';
import { isFacequeueError } from '@facequeue/schema';
import { INTERRUPTED, type Interruption } from '../interruption.ts';
import type { Output } from '../output.ts';
import type { IdsCall } from './options.ts';
import { endedBadly, reportFor } from './report.ts';

/**
 * Prints each change of a job until it ends.
 * @returns the exit code
 */
export async function followJob(
  id: string,
  call: IdsCall,
  client: Client,
  { stop }: Interruption,
  { stdout, stderr }: Output,
): Promise<number> {
  const report = reportFor(call, false);
  let failed = false;
  try {
    for await (const event of client.follow(id, { signal: stop })) {
      stdout(report.event(event));
      failed = event.type === 'job' && endedBadly(event.job);
    }
    return failed ? 1 : 0;
  } catch (error) {
    if (stop.aborted && error === stop.reason) {
      stderr(`Interrupted. The job continues: ${id}`);
      return INTERRUPTED;
    }
    if (!isFacequeueError(error)) throw error;
    stdout(report.failed({ id }, error));
    return 1;
  }
}
