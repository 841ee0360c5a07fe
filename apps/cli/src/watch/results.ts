import type { CameraFrame, Client } from '@facequeue/client';
import type { Output } from '../output.ts';
import type { WatchCall } from './options.ts';
import { createRetries } from './retry.ts';

/**
 * Passes on the results of a camera as they arrive, until `stop`. Connects again after a break, without a gap.
 * @param onOpen called when the stream is open: no result is missed from then on
 * @throws FacequeueError when the service refuses for good
 */
export async function followResults(
  { camera, service }: WatchCall,
  client: Pick<Client, 'frames'>,
  onOpen: () => void,
  onFrame: (frame: CameraFrame) => void,
  stop: AbortSignal,
  { stderr }: Output,
): Promise<void> {
  const retries = createRetries(stop, ({ code, message }) =>
    stderr(`Results do not arrive: ${code}: ${message} (${service}). Trying again.`),
  );
  let after: string | undefined;
  const opened = (cursor: string) => {
    retries.reset();
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
      await retries.backOff(error);
    }
  } while (!stop.aborted);
}
