import type { Logger } from '../log.ts';

/**
 * Calls `beat` now and then every `everyMs` after the last call ended, until disposed. A beat that fails is logged once
 * until one succeeds again.
 * @returns when the first beat succeeded
 */
export async function startHeartbeat(beat: () => Promise<void>, everyMs: number, log: Logger): Promise<Disposable> {
  await beat();
  let stopped = false;
  let failing = false;
  let timer: NodeJS.Timeout;
  const next = () => {
    timer = setTimeout(async () => {
      try {
        await beat();
        if (failing) log.info('heartbeat is back');
        failing = false;
      } catch (error) {
        if (!failing && !stopped) log.warn({ err: error }, 'heartbeat failed');
        failing = true;
      }
      if (!stopped) next();
    }, everyMs);
  };
  next();
  return {
    [Symbol.dispose]() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
