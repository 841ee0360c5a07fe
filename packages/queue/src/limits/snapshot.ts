import { QUEUE_NAMES, type QueueName, type RefusalReason } from '@facequeue/schema';
import { defineScript } from '../redis/define-script.ts';
import { limitsArg } from './admission.ts';
import { type AdmissionReason, refusalText } from './refusal-texts.ts';
import { type WorkerInfo, workersFrom } from './workers.ts';

/** Figures of one queue. */
export interface QueueFigures {
  waiting: number;
  processing: number;
  /** Milliseconds the oldest waiting job has waited; 0 when none waits. */
  oldestMs: number;
  /** Jobs ended a second, over the last half minute or so. */
  throughput: number;
  /** Mean milliseconds between two ends while more jobs waited; 0 while that has not happened. */
  gapMs: number;
}

/** Why submissions are refused. */
export interface Refusal {
  reason: RefusalReason;
  text: string;
  /** The only flow that is refused, because nothing of others waits or is kept and it has its share; null: every flow is. */
  flow: string | null;
}

/** Figures of the whole installation, at most 250 ms old. */
export interface Snapshot {
  /** Unix milliseconds of Redis' clock. */
  at: number;
  queues: Record<QueueName, QueueFigures>;
  blobBytes: number;
  resultBytes: number;
  /** What Redis uses, and the most that it may, bytes; 0 when it has no limit. At most a second old. */
  memory: { usedBytes: number; limitBytes: number };
  /** Why a submission would be refused now; null while there is room. */
  full: Record<QueueName, Refusal | null>;
  /** Cameras that have posted within a day. */
  cameras: number;
  workers: WorkerInfo[];
}

/** What snapshot.lua returns: these, then QueueReply for each queue. */
type InstallationReply = [
  at: number,
  blobBytes: number,
  resultBytes: number,
  workers: string[],
  cameras: number,
  usedBytes: number,
  limitBytes: number,
  onlyFlow: string,
];
type QueueReply = [
  waiting: number,
  processing: number,
  oldestMs: number,
  throughput: string,
  gapMs: string,
  full: AdmissionReason | '',
  ofOnlyFlow: number,
];
const INSTALLATION_LENGTH = 8 satisfies InstallationReply['length'];
const QUEUE_LENGTH = 7 satisfies QueueReply['length'];

export const snapshotScript = defineScript({
  file: new URL('./snapshot.lua', import.meta.url),
  args: { limits: limitsArg },
  reply: snapshotFrom,
});

/** @param reply what snapshot.lua returns */
export function snapshotFrom(reply: readonly unknown[]): Snapshot {
  const [at, blobBytes, resultBytes, workers, cameras, usedBytes, limitBytes, onlyFlow] = reply as InstallationReply;
  const queues = {} as Snapshot['queues'];
  const full = {} as Snapshot['full'];
  QUEUE_NAMES.forEach((name, i) => {
    const from = INSTALLATION_LENGTH + i * QUEUE_LENGTH;
    const [waiting, processing, oldestMs, throughput, gapMs, reason, ofOnlyFlow] = reply.slice(
      from,
      from + QUEUE_LENGTH,
    ) as QueueReply;
    queues[name] = { waiting, processing, oldestMs, throughput: Number(throughput), gapMs: Number(gapMs) };
    full[name] = reason ? { reason, text: refusalText(reason), flow: ofOnlyFlow ? onlyFlow : null } : null;
  });
  return {
    at,
    queues,
    blobBytes,
    resultBytes,
    memory: { usedBytes, limitBytes },
    full,
    cameras,
    workers: workersFrom(workers, at),
  };
}
