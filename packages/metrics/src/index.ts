export { METRICS, type MetricEntry, type MetricName } from './catalogue.ts';
export type { App, LabelValues } from './entry.ts';
export { openFilesLimit, startProcessFigures } from './process.ts';
export { CONTENT_TYPE, Registry, type Sample } from './registry.ts';
