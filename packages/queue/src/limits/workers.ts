import type { QueueName, WorkerQueueName } from '@facequeue/schema';
import { CONSTANTS } from '../constants.ts';
import { defineScript, json, number, text } from '../redis/define-script.ts';

export const WORKER_SILENCE_MS: number = CONSTANTS.WORKER_SILENCE_MS;

/** What a worker reports about itself, kept 15 s. */
export interface WorkerInfo {
  id: string;
  version: string;
  /** What its engines run on, and their models; null for a worker without engines. */
  device: string | null;
  models: { name: string; version: string } | null;
  engines: number;
  queues: WorkerQueueName[];
  /** Engines that have an image. */
  busy: number;
  /** Mean share of its engines that had an image, 0..1, over the last half minute or so. */
  load: number;
  startedAt: number;
  /** Jobs whose images are on their way from slow hosts: they wait, and for no engine. Workers of 0.1.0 say nothing of it. */
  fetching?: Partial<Record<QueueName, number>>;
  /** It knows flows (flow/lib.lua), as workers of 0.1.0 do not. `WorkerQueue.heartbeat` adds it. */
  flows?: true;
  /** How its engines are confined. Workers of 0.1.0 say nothing of it. */
  sandbox?: { in_force: string[]; missing: string[] };
}

export const heartbeatScript = defineScript({
  file: new URL('./heartbeat.lua', import.meta.url),
  args: { id: text, info: json<WorkerInfo>(), silenceMs: number },
  reply: () => undefined,
});

/**
 * @param entries "<time> <json>" as heartbeat.lua stores them
 * @param now Unix milliseconds of Redis' clock
 * @returns the workers that are alive
 */
export function workersFrom(entries: string[], now: number): WorkerInfo[] {
  return entries
    .map((entry) => {
      const blank = entry.indexOf(' ');
      return { at: Number(entry.slice(0, blank)), info: JSON.parse(entry.slice(blank + 1)) as WorkerInfo };
    })
    .filter((worker) => worker.at >= now - WORKER_SILENCE_MS)
    .map((worker) => worker.info);
}
