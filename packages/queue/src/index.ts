export type * from './contract.ts';
export { createJobQueue, type JobQueueOptions } from './gateway/job-queue.ts';
export { jobIdTime, newJobId } from './job-id.ts';
export { backoffMs } from './state/backoff.ts';
export { canMove } from './state/transitions.ts';
export { queueVariables } from './variables.ts';
export { createWorkQueue, type WorkQueueOptions } from './worker/work-queue.ts';
