export { MAX_APPEND } from './batch/items.ts';
export type * from './contract.ts';
export { UNLIMITED } from './gateway/admission.ts';
export { createJobQueue, type JobQueueOptions } from './gateway/job-queue.ts';
export { jobIdTime, newJobId } from './job-id.ts';
export { backoffMs } from './state/backoff.ts';
export { canMove } from './state/transitions.ts';
export { admissionLimits, queueVariables } from './variables.ts';
export { createWorkQueue, type WorkQueueOptions } from './worker/work-queue.ts';
