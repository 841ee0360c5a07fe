import type { Client } from '@facequeue/client';
import { retry } from '@facequeue/time';
import type { Interruption } from '../interruption.ts';
import type { Output } from '../output.ts';
import type { FrameBuffer } from './frame-buffer.ts';
import type { WatchCall } from './options.ts';
import { outagePolicy } from './outage-policy.ts';
import type { Frame } from './play.ts';

/**
 * Posts frames one after the other until the buffer is closed and empty. A frame that the service does not accept is posted
 * again for as long as the outage lasts; with `keep=latest` a newer frame replaces it.
 * @param onPosted called with each job's id; the next frame waits for it
 * @returns the number of frames that were accepted
 * @throws FacequeueError when the service refuses a frame for good
 */
export async function postFrames(
  { camera, keep, maxAge, options, service }: WatchCall,
  client: Pick<Client, 'postFrame'>,
  buffer: FrameBuffer<Frame>,
  onPosted: (id: string) => Promise<void>,
  { stop, cut }: Pick<Interruption, 'stop' | 'cut'>,
  { stderr }: Output,
): Promise<number> {
  const policy = outagePolicy(stop, ({ code, message }) =>
    stderr(`Frames are not accepted: ${code}: ${message} (${service}). Trying again.`),
  );
  const frameOptions = { ...options, keep, ...(maxAge !== undefined && { max_age: maxAge }) };

  /** The id of the job of this frame, or of the newer one that replaced it. */
  const post = async (oldest: Frame): Promise<string> => {
    let frame: Frame | null = null;
    const { id } = await retry(async () => {
      frame = frame ? (keep === 'latest' && buffer.getNow()) || frame : oldest;
      const image = { bytes: new Uint8Array(frame.bytes) };
      return await client.postFrame(camera, image, { ...frameOptions, frame_time: frame.takenAt }, { signal: cut });
    }, policy);
    policy.reset();
    return id;
  };

  let count = 0;
  try {
    for (let frame = await buffer.get(stop); frame; frame = await buffer.get(stop)) {
      const id = await post(frame);
      count += 1;
      await onPosted(id);
    }
  } catch (error) {
    if (!stop.aborted) throw error;
  }
  return count;
}
