/** How many workers a queue needs: what autoscalers read (docs/operations.md). */
import type { QueueFigures, WorkerInfo } from '@facequeue/queue';
import type { QueueName } from '@facequeue/schema';

/** Target: a job submitted now starts within this many seconds. Callers wait for the first two; bulk work can wait. */
export const TARGET_WAIT_S: Record<QueueName, number> = { interactive: 2, cameras: 2, bulk: 600 };
/** Engines that are busy for more than this share of the time have no room for a burst. */
export const MAX_LOAD = 0.7;
/** An answer is at most this many times the present workers: the next one sees the effect. */
export const MAX_GROWTH = 2;

/** Absorbs the rounding errors of sums of decimals. */
const EPSILON = 1e-9;

/** The workers that serve a queue. */
export interface Capacity {
  workers: number;
  engines: number;
  /** Mean number of busy engines lately: 0..engines. */
  busy: number;
  /** Waiting jobs whose images are on their way from slow hosts: another worker would not help them. */
  fetching: number;
}

export function serving(queue: QueueName, workers: readonly WorkerInfo[]): Capacity {
  const own = workers.filter(({ queues }) => queues.includes(queue));
  return {
    workers: own.length,
    engines: own.reduce((sum, { engines }) => sum + engines, 0),
    busy: own.reduce((sum, { engines, load }) => sum + engines * load, 0),
    fetching: own.reduce((sum, { fetching }) => sum + (fetching?.[queue] ?? 0), 0),
  };
}

/**
 * The larger of two answers, each at most twice the present workers:
 * - by backlog: enough to process the waiting jobs within the queue's target, at the speed of the present ones, but not so many that
 *   some would be idle
 * - by load: enough to leave the engines idle for 30 % of the time
 * @returns at least 1
 */
export function desiredWorkers(
  queue: QueueName,
  reported: QueueFigures,
  { workers, engines, busy, fetching }: Capacity,
): number {
  if (workers === 0 || engines === 0) return 1;
  const figures = { ...reported, waiting: Math.max(0, reported.waiting - fetching) };
  const scaled = (factor: number) => Math.ceil(workers * Math.min(MAX_GROWTH, factor) - EPSILON);
  const occupied = Math.ceil(((figures.waiting + busy) / engines) * workers - EPSILON);
  const byBacklog = Math.min(scaled(estimatedWaitS(figures) / TARGET_WAIT_S[queue]), occupied);
  const byLoad = scaled(busy / engines / MAX_LOAD);
  return Math.max(1, byBacklog, byLoad);
}

/** Seconds until a job submitted now would start. */
function estimatedWaitS({ waiting, throughput, gapMs, oldestMs }: QueueFigures): number {
  if (waiting === 0) return 0;
  // The throughput includes idle times; the gap was measured when jobs last waited.
  const rate = Math.max(throughput, gapMs > 0 ? 1000 / gapMs : 0);
  return rate > 0 ? waiting / rate : oldestMs / 1000;
}
