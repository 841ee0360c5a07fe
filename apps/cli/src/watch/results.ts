import type { CameraFrame, Client } from '@facequeue/client';
import { retry } from '@facequeue/time';
import type { Output } from '../output.ts';
import type { WatchCall } from './options.ts';
import { outagePolicy } from './outage-policy.ts';

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
  const policy = outagePolicy(stop, ({ code, message }) =>
    stderr(`Results do not arrive: ${code}: ${message} (${service}). Trying again.`),
  );
  let after: string | undefined;
  const opened = (cursor: string) => {
    policy.reset();
    after = cursor;
    onOpen();
  };
  const readStream = async () => {
    const from = after === undefined ? {} : { after };
    for await (const frame of client.frames(camera, { signal: stop, onOpen: opened, ...from })) {
      after = frame.cursor;
      onFrame(frame);
    }
  };
  try {
    while (!stop.aborted) await retry(readStream, policy);
  } catch (error) {
    if (!stop.aborted) throw error;
  }
}
