export * from './detection.ts';
export * from './errors.ts';
export * from './job.ts';
