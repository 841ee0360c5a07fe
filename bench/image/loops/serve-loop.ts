/** The side of a process with a loop: prepares a picture and processes it again and again when it is asked to. */
import { load } from '../../support/statistics.ts';
import type { Box } from '../same-faces.ts';
import type { FromLoop, ToLoop } from './messages.ts';

/** Images before the measurement: V8 has compiled the code after a few. */
const WARM_IMAGES = 5;

export interface Prepared {
  /** What was found in the picture, px. */
  boxes: Box[];
  /** Processes the picture. */
  run(): Promise<unknown>;
}

/** Serves the bench until it disconnects. @param prepare called for each picture; the one before it is not run any more */
export function serveLoop(prepare: (bytes: Uint8Array) => Promise<Prepared>): void {
  let prepared: Prepared | null = null;
  const send = (message: FromLoop) => process.send!(message);
  process.on('message', async (message: ToLoop) => {
    try {
      if (message.type === 'prepare') {
        prepared = await prepare(message.bytes);
        for (let i = 0; i < WARM_IMAGES; i++) await prepared.run();
        send({ type: 'prepared', boxes: prepared.boxes });
      } else {
        const { samples } = await load(message.callers, message.ms, prepared!.run);
        send({ type: 'ran', samples });
      }
    } catch (error) {
      send({ type: 'failed', message: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  });
  process.on('disconnect', () => process.exit());
  send({ type: 'ready' });
}
