import type { QueueName } from '@facequeue/schema';
import type { PriorityClass } from '../engines/priority.ts';

/** How a worker serves one queue of images. */
export interface QueuePolicy {
  /** The class in which its jobs compete for engines. */
  priority: PriorityClass;
  /** Its active jobs. While one image is inside an engine, the next is fetched. */
  activeJobs(engines: number): number;
}

export const QUEUE_POLICIES: Record<QueueName, QueuePolicy> = {
  interactive: { priority: 'interactive', activeJobs: (engines) => 2 * engines },
  bulk: { priority: 'others', activeJobs: (engines) => 2 * engines },
  // A frame needs no fetch and becomes outdated while it waits for an engine, so only one is kept ready for the next free engine.
  cameras: { priority: 'others', activeJobs: (engines) => engines + 1 },
};
