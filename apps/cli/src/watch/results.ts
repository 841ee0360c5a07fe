import type { CameraFrame, Client } from '@facequeue/client';
import type { Say } from '../commands.ts';
import { createEndurance } from './endure.ts';
import type { WatchCall } from './options.ts';

/**
 * Hands on the results of the camera as they come, until `stop`.
 * @param onOpen called when it has begun: no result is missed from then on
 * @throws what the service refuses it with
 */
export async function followResults(
  { camera, service }: WatchCall,
  client: Pick<Client, 'frames'>,
  onOpen: () => void,
  onFrame: (frame: CameraFrame) => void,
  stop: AbortSignal,
  say: Say,
): Promise<void> {
  const endurance = createEndurance(stop, ({ code, message }) =>
    say(`Results do not come: ${code}: ${message} (${service}). Trying again.`),
  );
  let after: string | undefined;
  const opened = (cursor: string) => {
    endurance.answered();
    after = cursor;
    onOpen();
  };
  do {
    try {
      const from = after === undefined ? {} : { after };
      for await (const frame of client.frames(camera, { signal: stop, onOpen: opened, ...from })) {
        after = frame.cursor;
        onFrame(frame);
      }
    } catch (error) {
      await endurance.failed(error);
    }
  } while (!stop.aborted);
}
