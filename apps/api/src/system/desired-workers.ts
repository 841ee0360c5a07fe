/** How many workers a queue needs: what autoscalers are told (docs/operations.md). */
import type { QueueFigures, WorkerInfo } from '@facequeue/queue';
import type { QueueName } from '@facequeue/schema';

/** A job that comes now is to have its turn within so many seconds: behind the first two somebody waits, bulk work has time. */
export const TURN_WITHIN_S: Record<QueueName, number> = { interactive: 2, cameras: 2, bulk: 600 };
/** Engines that are busier than this share of the time have no room for a burst. */
export const ROOM_ABOVE = 0.7;
/** One look never asks for more than this many times what is there: the next one knows what it did. */
export const MOST_GROWTH = 2;

/** Against the noise of sums of decimals. */
const EPSILON = 1e-9;

/** The workers that serve a queue. */
export interface Staff {
  workers: number;
  engines: number;
  /** Engines that were busy lately, in the mean: 0..engines. */
  busy: number;
}

export function staffOf(queue: QueueName, workers: readonly WorkerInfo[]): Staff {
  const serving = workers.filter(({ queues }) => queues.includes(queue));
  return {
    workers: serving.length,
    engines: serving.reduce((sum, { engines }) => sum + engines, 0),
    busy: serving.reduce((sum, { engines, load }) => sum + engines * load, 0),
  };
}

/**
 * The larger of two answers, each at most twice what is there:
 * - by backlog: as many as get through what waits in the queue's time, if all do as those do that are there; never so many that
 *   some would have nothing to do
 * - by load: as many as leave the engines idle for 30 % of the time
 * @returns at least 1
 */
export function desiredWorkers(queue: QueueName, figures: QueueFigures, { workers, engines, busy }: Staff): number {
  if (workers === 0 || engines === 0) return 1;
  const grown = (times: number) => Math.ceil(workers * Math.min(MOST_GROWTH, times) - EPSILON);
  const occupied = Math.ceil(((figures.waiting + busy) / engines) * workers - EPSILON);
  const byBacklog = Math.min(grown(turnInS(figures) / TURN_WITHIN_S[queue]), occupied);
  const byLoad = grown(busy / engines / ROOM_ABOVE);
  return Math.max(1, byBacklog, byLoad);
}

/** Seconds until a job that comes now would have its turn. */
function turnInS({ waiting, throughput, gapMs, oldestMs }: QueueFigures): number {
  if (waiting === 0) return 0;
  // The rate counts idle times, too; the gaps are those of the last time that jobs waited.
  const rate = Math.max(throughput, gapMs > 0 ? 1000 / gapMs : 0);
  return rate > 0 ? waiting / rate : oldestMs / 1000;
}
