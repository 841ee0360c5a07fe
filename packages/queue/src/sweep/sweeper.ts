/** Every gateway and every worker sweeps, so that no job depends on one process. */
import type { QueueName } from '@facequeue/schema';
import { settlesInTime } from '@facequeue/time';
import { cancelRemaining } from '../batch/cancel-remaining.ts';
import { endSuperseded } from '../camera/end-superseded.ts';
import type { Connections } from '../redis/connections.ts';
import { defineScript, number } from '../redis/define-script.ts';

const EVERY_MS = 1000;
const STOP_GRACE_MS = 2000;
/** Entries that a script call handles: it occupies Redis for a few milliseconds at most. */
const CHUNK = 200;
/** Calls in a row while there is more: 10 000 jobs that expire together are handled in one tick. */
const MAX_CHUNKS = 50;

export const sweepScript = defineScript({
  file: new URL('./sweep.lua', import.meta.url),
  args: { max: number },
  reply: ([handled, lost, stoppedBatches, supersedingCameras]: [number, string[], string[], string[]]) => ({
    handled,
    lost: deliveriesFrom(lost),
    stoppedBatches,
    supersedingCameras,
  }),
});

/** { delivery id, queue, delivery id, queue, … } as objects. */
function deliveriesFrom(pairs: string[]): { deliveryId: string; queue: QueueName }[] {
  return pairs.flatMap((deliveryId, i) => (i % 2 ? [] : [{ deliveryId, queue: pairs[i + 1] as QueueName }]));
}

/**
 * Sweeps everything that is due by now, up to MAX_CHUNKS * CHUNK entries.
 * @returns how many entries it handled
 */
export async function sweepDue({ scripts, bullQueues }: Connections): Promise<number> {
  let total = 0;
  for (let chunk = 0; chunk < MAX_CHUNKS; chunk++) {
    const { handled, lost, stoppedBatches, supersedingCameras } = await scripts.run(sweepScript, { max: CHUNK });
    total += handled;
    for (const { deliveryId, queue } of lost) await bullQueues.add(deliveryId, queue);
    for (const id of stoppedBatches) await cancelRemaining(scripts, id);
    for (const camera of supersedingCameras) await endSuperseded(scripts, camera);
    if (handled < CHUNK) break;
  }
  return total;
}

/**
 * Calls `work` every second, one call at a time, until it is stopped.
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
    if (running) await settlesInTime(running, STOP_GRACE_MS);
  };
}
