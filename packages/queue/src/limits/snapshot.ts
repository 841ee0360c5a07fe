import { QUEUE_NAMES, type QueueName } from '@facequeue/schema';
import { type AdmissionReason, refusalText } from './admission.ts';

/** A worker not heard of for this long counts as gone, ms. */
export const WORKER_SILENCE_MS = 15_000;

const HEAD = 7;
const PER_QUEUE = 6;

/** @param reply what snapshot.lua returns */
export function snapshotFrom(reply: unknown): Snapshot {
  const values = reply as unknown[];
  const [at, blobBytes, resultBytes, workers, cameras, usedBytes, limitBytes] = values as [
    number,
    number,
    number,
    string[],
    number,
    number,
    number,
  ];
  const queues = {} as Record<QueueName, QueueFigures>;
  const full = {} as Snapshot['full'];
  QUEUE_NAMES.forEach((name, i) => {
    const from = HEAD + i * PER_QUEUE;
    const [waiting, processing, oldestMs, throughput, gapMs, reason] = values.slice(from, from + PER_QUEUE) as [
      number,
      number,
      number,
      string,
      string,
      AdmissionReason | '',
    ];
    queues[name] = { waiting, processing, oldestMs, throughput: Number(throughput), gapMs: Number(gapMs) };
    full[name] = reason ? { reason, text: refusalText(reason) } : null;
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

function workersFrom(entries: string[], now: number): WorkerInfo[] {
  return entries
    .map((entry) => {
      const blank = entry.indexOf(' ');
      return { at: Number(entry.slice(0, blank)), info: JSON.parse(entry.slice(blank + 1)) as WorkerInfo };
    })
    .filter((worker) => worker.at >= now - WORKER_SILENCE_MS)
    .map((worker) => worker.info);
}

/**
 * Remembers an answer for `ms`, and asks once for all who call meanwhile. A failure is not remembered.
 * @param clock milliseconds
 */
export function remembered<T>(ms: number, ask: () => Promise<T>, clock = () => performance.now()): () => Promise<T> {
  let answer: Promise<T> | null = null;
  let until = 0;
  return () => {
    if (answer && clock() < until) return answer;
    const asked = ask();
    answer = asked;
    until = Number.POSITIVE_INFINITY;
    asked.then(
      () => {
        until = clock() + ms;
      },
      () => {
        answer = null;
      },
    );
    return asked;
  };
}
