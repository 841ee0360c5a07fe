export * from './compat.ts';
export * from './detection.ts';
export * from './errors.ts';
export * from './job.ts';
export * from './request.ts';
export * from './system.ts';
