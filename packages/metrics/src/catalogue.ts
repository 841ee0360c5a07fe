/**
 * The catalogue of all metrics that gateways and workers expose; docs/metrics.md is generated from it. A name that is not here
 * cannot be counted. Labels have few, known values; none comes from a caller's data.
 *
 * To add a metric: an entry here, and the call that counts it (`registry.count`, `observe`) or reads it (`registry.read`). `npm run docs`
 * adds it to the page.
 */
import { ERROR_CODES, QUEUE_NAMES, REFUSAL_REASONS, TERMINAL_STATUSES, WORKER_QUEUE_NAMES } from '@facequeue/schema';
import { counter, gauge, histogram, type MetricEntry } from './entry.ts';

export type { MetricEntry } from './entry.ts';

const GATEWAY = ['gateway'] as const;
const WORKER = ['worker'] as const;
const BOTH = ['gateway', 'worker'] as const;

/** A call may be refused within a millisecond, wait 19 s for faces, or 60 s for a job. */
const CALL_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 60];
/** The shortest stages take a millisecond or two; an engine is killed after 8 s; a job expires in its queue after 10 min. */
const STAGE_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600];

const queue = QUEUE_NAMES;

export const METRICS = {
  // Requests and jobs of this gateway.
  facequeue_http_request_duration_seconds: histogram(
    GATEWAY,
    'Duration of HTTP requests, from their headers to the end of the response. Streams of events and results last until their client leaves.',
    CALL_BUCKETS,
    {
      route: 'path of the route as documented, such as /jobs/{id}; none where no route matched',
      method: ['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS', 'other'],
      status: 'HTTP status; 499 when the client disconnected before the response',
    },
  ),
  facequeue_http_errors_total: counter(GATEWAY, 'Requests answered with an error of the catalogue (docs/errors.md).', {
    code: ERROR_CODES,
  }),
  facequeue_key_calls_total: counter(
    GATEWAY,
    'Calls with an API key, by key; 429 are those that a limit of the key refused.',
    {
      key: 'name of the API key',
      status: 'HTTP status; 499 when the client disconnected before the response',
    },
  ),
  facequeue_jobs_accepted_total: counter(
    GATEWAY,
    'Jobs accepted by this gateway; a call that repeats an idempotency key adds none. Items of batches are in facequeue_batch_items_total.',
    { queue },
  ),
  facequeue_jobs_told_total: counter(
    GATEWAY,
    'Responses that reported how a job ended: to the call, a later request for the job, or a stream of events. A job reported twice counts twice.',
    { queue, status: TERMINAL_STATUSES },
  ),
  facequeue_refused_total: counter(
    GATEWAY,
    'Jobs, frames and appends refused because the queue is full, by the limit they reached.',
    {
      reason: [...REFUSAL_REASONS, 'other'],
    },
  ),
  facequeue_batch_items_total: counter(GATEWAY, 'Items of batches received by this gateway, by outcome.', {
    outcome: ['accepted', 'skipped', 'failed'],
  }),
  facequeue_open_waits: gauge(
    GATEWAY,
    'Calls that wait for the end of a job (wait), and streams of events that follow one (follow).',
    {
      kind: ['wait', 'follow'],
    },
  ),
  facequeue_body_bytes: gauge(GATEWAY, 'Bytes of request bodies in memory (at most MAX_INFLIGHT_BODY_BYTES).'),

  // The installation, as every gateway reads it from Redis: each reports the same figures, so take max(), not sum().
  facequeue_redis_up: gauge(
    GATEWAY,
    '1 if Redis answered for this scrape, else 0; while it is 0 the figures of the installation are absent.',
  ),
  facequeue_jobs: gauge(GATEWAY, 'Jobs of the installation that have not ended; bulk includes the items of batches.', {
    queue,
    state: ['waiting', 'processing'],
  }),
  facequeue_oldest_waiting_seconds: gauge(GATEWAY, 'Age of the oldest waiting job; 0 when none waits.', {
    queue,
  }),
  facequeue_drain_rate: gauge(GATEWAY, 'Jobs ended by workers per second, over about the last half minute.', { queue }),
  facequeue_queue_full: gauge(
    GATEWAY,
    '1 while new jobs of the queue are refused, else 0. Refusals of one caller while others wait do not count.',
    { queue },
  ),
  facequeue_blob_bytes: gauge(GATEWAY, 'Image bytes waiting in Redis (at most MAX_BLOB_BYTES).'),
  facequeue_result_bytes: gauge(
    GATEWAY,
    'Bytes of kept results and undelivered webhooks in Redis (at most MAX_RESULT_BYTES).',
  ),
  facequeue_redis_memory_bytes: gauge(GATEWAY, 'Memory used by Redis.'),
  facequeue_redis_memory_limit_bytes: gauge(
    GATEWAY,
    'Memory limit of Redis, 0 for none. Above 90 % of it all new work is refused, above 72 % bulk jobs, batches and frames.',
  ),
  facequeue_cameras: gauge(GATEWAY, 'Cameras that posted a frame within the last day.'),
  facequeue_workers: gauge(GATEWAY, 'Workers seen within the last 15 s.'),
  facequeue_workers_serving: gauge(
    GATEWAY,
    'Workers seen within the last 15 s, by the queues they serve; a worker that serves several counts in each.',
    {
      queue: WORKER_QUEUE_NAMES,
    },
  ),
  facequeue_engines: gauge(
    GATEWAY,
    'Engine processes of the workers seen within the last 15 s: all of them, and those that are processing an image.',
    {
      state: ['all', 'busy'],
    },
  ),
  facequeue_engine_load: gauge(
    GATEWAY,
    'Mean share of engines that were processing an image, 0 to 1, over about the last half minute; absent without engines.',
  ),
  facequeue_desired_workers: gauge(
    GATEWAY,
    'Workers that a queue needs, from its backlog and the load of the workers that serve it, at least 1. For autoscalers (docs/operations.md).',
    { queue },
  ),

  // Work of this worker.
  facequeue_jobs_ended_total: counter(
    WORKER,
    'Jobs this worker finished: succeeded, the error code of a failed one, or discarded because the job had ended in the meantime.',
    { queue, outcome: ['succeeded', 'discarded', ...ERROR_CODES] },
  ),
  facequeue_jobs_released_total: counter(
    WORKER,
    'Jobs released to run again: after an internal fault, because the worker is stopping, or because too many images of slow hosts wait in it.',
    { queue, reason: ['fault', 'stopping', 'fetches'] },
  ),
  facequeue_jobs_dropped_total: counter(
    WORKER,
    'Jobs aborted on this worker: canceled, or their lock was lost and another worker may run them.',
    { queue, reason: ['canceled', 'lock_lost'] },
  ),
  facequeue_stage_duration_seconds: histogram(
    WORKER,
    'Duration of the stages of jobs: waiting in the queue, fetching the image, and the stages inside an engine.',
    STAGE_BUCKETS,
    { queue, stage: ['queue', 'fetch', 'decode', 'detect', 'landmarks', 'attributes'] },
  ),
  facequeue_worker_fetches: gauge(WORKER, 'Images on their way from URLs to an engine.', {
    state: ['resolving', 'waiting', 'fetching', 'fetched'],
  }),
  facequeue_worker_fetch_bytes: gauge(WORKER, 'Memory for images on their way from URLs to an engine.'),
  facequeue_permits_waiting: gauge(WORKER, 'Active jobs that wait for an engine.', {
    lane: ['interactive', 'others'],
  }),
  facequeue_worker_engines: gauge(
    WORKER,
    'Engines of this worker: all of them, those that are ready, those that are processing an image.',
    {
      state: ['all', 'ready', 'busy'],
    },
  ),
  facequeue_engine_resident_memory_bytes: gauge(WORKER, 'Resident memory of an engine after its last image.', {
    engine: 'its number, from 0',
  }),
  facequeue_engine_restarts_total: counter(
    WORKER,
    'Engines replaced, by cause: crashed, hung on an image, exceeded ENGINE_MAX_RSS (memory), killed for a canceled job, or failed to start.',
    { cause: ['crash', 'hang', 'memory', 'canceled', 'start'] },
  ),
  facequeue_webhook_tries_total: counter(
    WORKER,
    'Attempts to deliver a webhook: delivered, to be retried, failed for good, refused for good by the receiver (gone), or with unknown outcome (lost).',
    { outcome: ['delivered', 'retry', 'failed', 'gone', 'lost'] },
  ),
  facequeue_tasks_total: counter(
    WORKER,
    'Tasks of batches run by this worker, listings (list) and outputs (write): done, failed for good, to be retried, released because the worker is stopping, or lost to another worker.',
    { kind: ['list', 'write'], outcome: ['done', 'failed', 'retry', 'stopping', 'lost'] },
  ),

  // The process, by the names that Prometheus clients agree on.
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
  process_max_fds: gauge(BOTH, 'Limit of open files and sockets (ulimit -n).'),
  nodejs_heap_size_total_bytes: gauge(BOTH, 'Size of the JavaScript heap.'),
  nodejs_heap_size_used_bytes: gauge(BOTH, 'Used bytes of the JavaScript heap.'),
  nodejs_external_memory_bytes: gauge(BOTH, 'Memory of buffers and other objects outside the heap.'),
  nodejs_eventloop_lag_p50_seconds: gauge(BOTH, 'Median delay of the event loop since the last scrape.'),
  nodejs_eventloop_lag_p99_seconds: gauge(
    BOTH,
    '99th percentile of the delay of the event loop since the last scrape.',
  ),
  nodejs_eventloop_lag_max_seconds: gauge(BOTH, 'Longest delay of the event loop since the last scrape.'),
} as const satisfies Record<string, MetricEntry>;

export type MetricName = keyof typeof METRICS;
