import type { Sample } from '@facequeue/metrics';
import type { GatewayQueue, QueueFigures, Snapshot, WorkerInfo } from '@facequeue/queue';
import { QUEUE_NAMES, type QueueName, WORKER_QUEUE_NAMES } from '@facequeue/schema';
import { withTimeout } from '@facequeue/time';
import { desiredWorkers, serving } from './desired-workers.ts';

/** Time that Redis has to answer, ms. Prometheus gives a scrape 10 s, and the gateway's own metrics must make it. */
const REDIS_TIMEOUT_MS = 2000;

/** Reads the figures of the whole installation from the shared snapshot. While Redis is unreachable there are none. */
export function installationReader(queue: Pick<GatewayQueue, 'snapshot'>) {
  return async (): Promise<Sample[]> => {
    const timedOut = () => new Error('Redis does not answer');
    const snapshot = await withTimeout(queue.snapshot(), REDIS_TIMEOUT_MS, timedOut).catch(() => null);
    const up: Sample = { name: 'facequeue_redis_up', labels: {}, value: snapshot ? 1 : 0 };
    return snapshot ? [up, ...samplesOf(snapshot)] : [up];
  };
}

/** The metrics of a snapshot. */
export function samplesOf({ queues, full, blobBytes, resultBytes, memory, cameras, workers }: Snapshot): Sample[] {
  const ofQueue = (queue: QueueName, figures: QueueFigures): Sample[] => [
    { name: 'facequeue_jobs', labels: { queue, state: 'waiting' }, value: figures.waiting },
    { name: 'facequeue_jobs', labels: { queue, state: 'processing' }, value: figures.processing },
    { name: 'facequeue_oldest_waiting_seconds', labels: { queue }, value: figures.oldestMs / 1000 },
    { name: 'facequeue_drain_rate', labels: { queue }, value: figures.throughput },
    { name: 'facequeue_queue_full', labels: { queue }, value: full[queue] ? 1 : 0 },
    {
      name: 'facequeue_desired_workers',
      labels: { queue },
      value: desiredWorkers(queue, figures, serving(queue, workers)),
    },
  ];
  const sum = (of: (worker: WorkerInfo) => number) => workers.reduce((total, worker) => total + of(worker), 0);
  const engines = sum((worker) => worker.engines);
  const load = sum((worker) => worker.engines * worker.load) / engines;
  return [
    ...QUEUE_NAMES.flatMap((queue) => ofQueue(queue, queues[queue])),
    { name: 'facequeue_blob_bytes', labels: {}, value: blobBytes },
    { name: 'facequeue_result_bytes', labels: {}, value: resultBytes },
    { name: 'facequeue_redis_memory_bytes', labels: {}, value: memory.usedBytes },
    { name: 'facequeue_redis_memory_limit_bytes', labels: {}, value: memory.limitBytes },
    { name: 'facequeue_cameras', labels: {}, value: cameras },
    { name: 'facequeue_workers', labels: {}, value: workers.length },
    ...WORKER_QUEUE_NAMES.map((queue): Sample => {
      const value = workers.filter(({ queues }) => queues.includes(queue)).length;
      return { name: 'facequeue_workers_serving', labels: { queue }, value };
    }),
    { name: 'facequeue_engines', labels: { state: 'all' }, value: engines },
    { name: 'facequeue_engines', labels: { state: 'busy' }, value: sum((worker) => worker.busy) },
    ...(engines > 0 ? [{ name: 'facequeue_engine_load', labels: {}, value: load } as const] : []),
  ];
}
