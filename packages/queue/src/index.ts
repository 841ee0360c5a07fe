export { MAX_APPEND } from './batch/append.ts';
export type * from './contract.ts';
export { type GatewayQueueOptions, openGatewayQueue } from './gateway-queue.ts';
export { JobAborted } from './job/active-jobs.ts';
export { jobIdTime, newJobId } from './job/job-id.ts';
export { UNLIMITED } from './limits/admission.ts';
export { backoffMs } from './state/backoff.ts';
export { admissionLimits, queueVariables } from './variables.ts';
export { openWorkerQueue, type WorkerQueueOptions } from './worker-queue.ts';
