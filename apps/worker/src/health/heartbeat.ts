import type { Logger } from '@facequeue/service';
import { repeat } from '@facequeue/time';

/**
 * Calls `beat` now, and again `everyMs` after each call has ended, until disposed. The first failure in a row is logged.
 * @returns when the first beat has succeeded
 * @throws what the first beat rejects with
 */
export async function startHeartbeat(beat: () => Promise<void>, everyMs: number, log: Logger): Promise<Disposable> {
  await beat();
  let stopped = false;
  let failing = false;
  const repeating = repeat(async () => {
    try {
      await beat();
      if (failing) log.info('heartbeat works again');
      failing = false;
    } catch (error) {
      if (!failing && !stopped) log.warn({ err: error }, 'heartbeat failed');
      failing = true;
    }
  }, everyMs);
  return {
    [Symbol.dispose]() {
      stopped = true;
      repeating[Symbol.dispose]();
    },
  };
}
