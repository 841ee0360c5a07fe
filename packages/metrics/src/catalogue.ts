/**
 * The one catalogue of metrics: what gateways and workers may expose, and docs/metrics.md lists. A name that is not here cannot be
 * counted. Labels have few values, known beforehand: none comes from a caller's data.
 */
import { ERROR_CODES, QUEUE_NAMES, REFUSAL_REASONS, TERMINAL_STATUSES, WORKER_QUEUE_NAMES } from '@facequeue/schema';
import { counter, gauge, histogram, type MetricEntry } from './entry.ts';

export type { MetricEntry } from './entry.ts';

const GATEWAY = ['gateway'] as const;
const WORKER = ['worker'] as const;
const BOTH = ['gateway', 'worker'] as const;

/** A call may be refused in a millisecond, wait 19 s for faces, or 60 s for a job. */
const CALL_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 60];
/** A stage takes a millisecond or two at least; an engine is killed after 8 s, a job expires in its queue after 10 min. */
const STAGE_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600];

const queue = QUEUE_NAMES;

export const METRICS = {
  // What callers see: the gateway's own.
  facequeue_http_request_duration_seconds: histogram(
    GATEWAY,
    'HTTP requests, from their headers to the end of the answer. Streams of events and results last as long as their client stays.',
    CALL_BUCKETS,
    {
      route: 'path of the route as documented, such as /jobs/{id}; none where no route took it',
      method: ['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS', 'other'],
      status: 'HTTP status; 499 when the client went away before its answer',
    },
  ),
  facequeue_http_errors_total: counter(GATEWAY, 'Requests answered with an error of the catalogue (docs/errors.md).', {
    code: ERROR_CODES,
  }),
  facequeue_jobs_accepted_total: counter(
    GATEWAY,
    'Jobs taken in by this gateway; a call that repeats an idempotency key takes in none. Items of batches are in facequeue_batch_items_total.',
    { queue },
  ),
  facequeue_jobs_told_total: counter(
    GATEWAY,
    'Answers that told a caller how a job ended, by calls, looks and streams of events; one asked for twice counts twice.',
    { queue, status: TERMINAL_STATUSES },
  ),
  facequeue_refused_total: counter(
    GATEWAY,
    'Jobs, frames and appends refused because the queue is full, by the limit they met.',
    {
      reason: [...REFUSAL_REASONS, 'other'],
    },
  ),
  facequeue_batch_items_total: counter(
    GATEWAY,
    'Items handed to batches through this gateway, by what became of them.',
    {
      outcome: ['accepted', 'skipped', 'failed'],
    },
  ),
  facequeue_open_waits: gauge(GATEWAY, 'Calls that wait for the end of a job, and streams that follow one.', {
    kind: ['wait', 'follow'],
  }),
  facequeue_body_bytes: gauge(GATEWAY, 'Bytes reserved for request bodies (MAX_INFLIGHT_BODY_BYTES bounds them).'),

  // The installation, as every gateway sees it in Redis: the same figures from each, so take max(), not sum().
  facequeue_redis_up: gauge(
    GATEWAY,
    'Whether Redis has answered this scrape. While it is 0 the figures of the installation are absent.',
  ),
  facequeue_jobs: gauge(GATEWAY, 'Jobs of the installation that have not ended; in bulk with the items of batches.', {
    queue,
    state: ['waiting', 'processing'],
  }),
  facequeue_oldest_waiting_seconds: gauge(GATEWAY, 'How long the oldest waiting job has waited; 0 when none does.', {
    queue,
  }),
  facequeue_drain_rate: gauge(GATEWAY, 'Jobs ended by workers a second, over the last half minute or so.', { queue }),
  facequeue_queue_full: gauge(GATEWAY, '1 while a new job of the queue would be refused.', { queue }),
  facequeue_blob_bytes: gauge(GATEWAY, 'Image bytes that wait in Redis (MAX_BLOB_BYTES bounds them).'),
  facequeue_result_bytes: gauge(
    GATEWAY,
    'Bytes of kept results and undelivered webhooks in Redis (MAX_RESULT_BYTES bounds them).',
  ),
  facequeue_redis_memory_bytes: gauge(GATEWAY, 'Memory that Redis uses.'),
  facequeue_redis_memory_limit_bytes: gauge(
    GATEWAY,
    'Most memory that Redis may use, 0 for no limit. Past 90 % of it nothing new is taken in, past 72 % no bulk jobs, batches and frames.',
  ),
  facequeue_cameras: gauge(GATEWAY, 'Cameras that have posted within a day.'),
  facequeue_workers: gauge(GATEWAY, 'Workers seen within 15 s.'),
  facequeue_workers_serving: gauge(
    GATEWAY,
    'Those of them that serve a queue; one that serves several counts in each.',
    {
      queue: WORKER_QUEUE_NAMES,
    },
  ),
  facequeue_engines: gauge(
    GATEWAY,
    'Engine processes of the workers seen within 15 s, and those of them that hold an image.',
    {
      state: ['all', 'busy'],
    },
  ),
  facequeue_engine_load: gauge(
    GATEWAY,
    'Mean share of the engines that held an image, 0 to 1, over the last half minute or so; absent without engines.',
  ),
  facequeue_desired_workers: gauge(
    GATEWAY,
    'Workers a queue needs by its backlog and the load of the workers that serve it (docs/operations.md): for autoscalers. At least 1.',
    { queue },
  ),

  // What a worker does.
  facequeue_jobs_ended_total: counter(
    WORKER,
    'Jobs this worker has done with: succeeded, the code they failed with, or discarded when they had ended meanwhile.',
    { queue, outcome: ['succeeded', 'discarded', ...ERROR_CODES] },
  ),
  facequeue_jobs_released_total: counter(
    WORKER,
    'Jobs given back to be run again: after a fault of ours, or because the worker stops.',
    { queue, reason: ['fault', 'stopping'] },
  ),
  facequeue_jobs_dropped_total: counter(
    WORKER,
    'Jobs taken out of the hands of this worker: canceled, or its lock was lost and another may run it.',
    { queue, reason: ['canceled', 'lock_lost'] },
  ),
  facequeue_stage_duration_seconds: histogram(
    WORKER,
    'How long the stages of jobs took: waiting in the queue, fetching the image, and what engines do.',
    STAGE_BUCKETS,
    { queue, stage: ['queue', 'fetch', 'decode', 'detect', 'landmarks', 'attributes'] },
  ),
  facequeue_permits_waiting: gauge(WORKER, 'Jobs in hand that wait for an engine.', {
    lane: ['interactive', 'others'],
  }),
  facequeue_worker_engines: gauge(
    WORKER,
    'Engines of this worker: all of them, those that are up, those that hold an image.',
    {
      state: ['all', 'ready', 'busy'],
    },
  ),
  facequeue_engine_resident_memory_bytes: gauge(WORKER, 'Resident memory of an engine after its last image.', {
    engine: 'its number, from 0',
  }),
  facequeue_engine_restarts_total: counter(
    WORKER,
    'Engines replaced: they crashed, hung over an image, passed ENGINE_MAX_RSS, were killed for a canceled job, or did not start.',
    { cause: ['crash', 'hang', 'memory', 'canceled', 'start'] },
  ),
  facequeue_webhook_tries_total: counter(
    WORKER,
    'Tries to deliver a webhook: delivered, failed for now (retry) or for good, refused for good by its receiver (gone), or nobody knows (lost).',
    { outcome: ['delivered', 'retry', 'failed', 'gone', 'lost'] },
  ),
  facequeue_tasks_total: counter(
    WORKER,
    'Tasks of batches this worker took up, listings and outputs: done, failed for good, to be tried again, given back by a worker that stops, or lost to another.',
    { kind: ['list', 'write'], outcome: ['done', 'failed', 'retry', 'stopping', 'lost'] },
  ),

  // The process, by the names other clients of Prometheus use.
  facequeue_info: gauge(BOTH, 'Always 1.', {
    app: ['gateway', 'worker'],
    version: 'of Facequeue',
    node: 'version of Node',
  }),
  process_cpu_user_seconds_total: counter(BOTH, 'User CPU time of the process; engines have their own.'),
  process_cpu_system_seconds_total: counter(BOTH, 'System CPU time of the process.'),
  process_cpu_seconds_total: counter(BOTH, 'CPU time of the process, user and system.'),
  process_start_time_seconds: gauge(BOTH, 'Start of the process, Unix seconds.'),
  process_resident_memory_bytes: gauge(BOTH, 'Resident memory of the process.'),
  process_open_fds: gauge(BOTH, 'Open files and sockets.'),
  process_max_fds: gauge(BOTH, 'Most files and sockets it may have open (ulimit -n).'),
  nodejs_heap_size_total_bytes: gauge(BOTH, 'Size of the JavaScript heap.'),
  nodejs_heap_size_used_bytes: gauge(BOTH, 'Used of the JavaScript heap.'),
  nodejs_external_memory_bytes: gauge(BOTH, 'Memory of buffers and other objects outside the heap.'),
  nodejs_eventloop_lag_p50_seconds: gauge(BOTH, 'Median delay of the event loop since the last scrape.'),
  nodejs_eventloop_lag_p99_seconds: gauge(
    BOTH,
    '99th percentile of the delay of the event loop since the last scrape.',
  ),
  nodejs_eventloop_lag_max_seconds: gauge(BOTH, 'Longest delay of the event loop since the last scrape.'),
} as const satisfies Record<string, MetricEntry>;

export type MetricName = keyof typeof METRICS;
