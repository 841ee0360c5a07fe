export { MAX_APPEND } from './batch/items.ts';
export type * from './contract.ts';
export { UNLIMITED } from './gateway/admission.ts';
export { type GatewayQueueOptions, openGatewayQueue } from './gateway/job-queue.ts';
export { jobIdTime, newJobId } from './job-id.ts';
export { backoffMs } from './state/backoff.ts';
export { admissionLimits, queueVariables } from './variables.ts';
export { JobAborted } from './worker/hands.ts';
export { openWorkerQueue, type WorkerQueueOptions } from './worker/work-queue.ts';
