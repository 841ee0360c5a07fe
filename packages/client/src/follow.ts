import type { JobResource, JobStatus } from '@facequeue/schema';
import { dataOf, streamedEvents } from './streamed-events.ts';
import type { Transport } from './transport.ts';

/** A change of a job. */
export type JobEvent =
  | { type: 'status'; id: string; status: JobStatus; attempts: number; at: string }
  /** The job as it ended: the last event. */
  | { type: 'job'; job: JobResource };

type StatusEvent = Omit<Extract<JobEvent, { type: 'status' }>, 'type'>;

/**
 * The events of a job until it has ended. Survives broken connections and throws as `streamedEvents` does.
 */
export async function* followJob(
  open: Transport['open'],
  path: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<JobEvent, void> {
  for await (const event of streamedEvents(open, path, { signal })) {
    if (event.type === 'status') yield { ...dataOf<StatusEvent>(event), type: 'status' };
    // Skips events unknown to this version.
    if (event.type !== 'job') continue;
    yield { type: 'job', job: dataOf<JobResource>(event) };
    return;
  }
}
