export * from './compat.ts';
export * from './detection.ts';
export * from './errors.ts';
export * from './job.ts';
export * from './request.ts';
export * from './system.ts';
export * from './webhook-event.ts';
export type * from './webhook-secrets.ts';
