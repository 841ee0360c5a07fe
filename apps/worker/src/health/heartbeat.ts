import type { Logger } from '@facequeue/service';
import { repeat, startTimer, type Timer } from '@facequeue/time';

/** Reports that are asked for at the same time are one, ms. */
const SOON_MS = 100;

export interface Heartbeat extends Disposable {
  /** Beats once more, soon: what it reports has changed. */
  beatSoon(): void;
}

/**
 * Calls `beat` now, and again `everyMs` after each call has ended, until disposed. The first failure in a row is logged.
 * @returns when the first beat has succeeded
 * @throws what the first beat rejects with
 */
export async function startHeartbeat(beat: () => Promise<void>, everyMs: number, log: Logger): Promise<Heartbeat> {
  await beat();
  let stopped = false;
  let failing = false;
  let soon: Timer | null = null;
  const tryBeat = async () => {
    try {
      await beat();
      if (failing) log.info('heartbeat works again');
      failing = false;
    } catch (error) {
      if (!failing && !stopped) log.warn({ err: error }, 'heartbeat failed');
      failing = true;
    }
  };
  const repeating = repeat(tryBeat, everyMs);
  return {
    beatSoon() {
      if (stopped) return;
      soon ??= startTimer(SOON_MS, () => {
        soon = null;
        void tryBeat();
      });
    },
    [Symbol.dispose]() {
      stopped = true;
      repeating[Symbol.dispose]();
      soon?.clear();
    },
  };
}
