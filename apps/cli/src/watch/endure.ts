import { setTimeout as pause } from 'node:timers/promises';
import { type FacequeueError, isFacequeueError } from '@facequeue/schema';
import { backOffMs } from './back-off.ts';

/** Gets over a service that is away, for however long. */
export interface Endurance {
  /**
   * Pauses before the next try, for as long as the service asks at least.
   * @returns false when `stop` has aborted
   * @throws `thrown` when another try cannot help
   */
  failed(thrown: unknown): Promise<boolean>;
  /** It went well: failures are counted anew. */
  answered(): void;
}

/** @param onTrouble told of the first failure in a row */
export function createEndurance(stop: AbortSignal, onTrouble: (error: FacequeueError) => void): Endurance {
  let failures = 0;
  return {
    async failed(thrown) {
      if (stop.aborted) return false;
      if (!isFacequeueError(thrown) || !thrown.entry.retryable) throw thrown;
      failures += 1;
      if (failures === 1) onTrouble(thrown);
      const ms = backOffMs(failures, Math.random(), thrown.retryAfterMs);
      await pause(ms, undefined, { signal: stop }).catch(() => {});
      return !stop.aborted;
    },
    answered() {
      failures = 0;
    },
  };
}
