/** Every gateway and every worker sweeps, so that no job depends on one process. */
import { setTimeout } from 'node:timers/promises';
import type { QueueName } from '@facequeue/schema';
import { drain } from '../batch/cancel-remaining.ts';
import type { Transport } from '../bullmq/bull-queues.ts';
import type { Scripts } from '../redis/scripts.ts';

const EVERY_MS = 1000;
const STOP_GRACE_MS = 2000;
/** Records a script call looks at: it holds Redis for a few milliseconds at most. */
const BATCH = 200;
/** Calls in a row while there is more: 10 000 jobs that expire together are done with in one tick. */
const MAX_BATCHES = 50;

/**
 * Sweeps once: everything that is due by now, up to MAX_BATCHES * BATCH records.
 * @returns how many records were looked at
 */
export async function sweepOnce(scripts: Scripts, transport: Transport): Promise<number> {
  let total = 0;
  for (let batch = 0; batch < MAX_BATCHES; batch++) {
    const [seen, lost, stopped] = (await scripts('sweep', BATCH)) as [number, string[], string[]];
    total += seen;
    for (let i = 0; i < lost.length; i += 2) await transport.add(lost[i]!, lost[i + 1] as QueueName);
    for (const id of stopped) await drain(scripts, id);
    if (seen < BATCH) break;
  }
  return total;
}

/**
 * Calls `work` every second, never twice at a time, until it is stopped.
 * @returns stops it and waits for the call in progress, though not for long: without Redis it may never end
 */
export function everySecond(work: () => Promise<unknown>, onError: (error: Error) => void): () => Promise<void> {
  let running: Promise<void> | null = null;
  let stopped = false;
  const failed = (error: Error) => {
    if (!stopped) onError(error);
  };
  const tick = () => {
    running ??= work()
      .then(() => undefined, failed)
      .finally(() => {
        running = null;
      });
  };
  const timer = setInterval(tick, EVERY_MS);
  return async () => {
    stopped = true;
    clearInterval(timer);
    await Promise.race([running, setTimeout(STOP_GRACE_MS, undefined, { ref: false })]);
  };
}
