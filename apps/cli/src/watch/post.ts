import type { Client } from '@facequeue/client';
import type { Say } from '../commands.ts';
import type { Interruption } from '../interruption.ts';
import { createEndurance } from './endure.ts';
import type { WatchCall } from './options.ts';
import type { Frame } from './play.ts';
import type { Waiting } from './waiting.ts';

/**
 * Hands frames in, one after the other, until there are no more. One that is not taken is tried again for as long as that takes;
 * where the newest counts, a newer one goes in its place.
 * @param posted told of each job; the next frame waits for it
 * @returns how many were handed in
 * @throws what the service will not take at any time
 */
export async function postFrames(
  { camera, keep, maxAge, options, service }: WatchCall,
  client: Pick<Client, 'postFrame'>,
  waiting: Waiting<Frame>,
  posted: (id: string) => Promise<void>,
  { stop, cut }: Pick<Interruption, 'stop' | 'cut'>,
  say: Say,
): Promise<number> {
  const endurance = createEndurance(stop, ({ code, message }) =>
    say(`Frames are not taken: ${code}: ${message} (${service}). Trying again.`),
  );
  const asked = { ...options, keep, ...(maxAge !== undefined && { max_age: maxAge }) };

  /** The id of the frame's job, or of that of a newer one; null when it was not taken and we are to stop. */
  const handIn = async (oldest: Frame): Promise<string | null> => {
    for (let frame = oldest; ; frame = (keep === 'latest' && waiting.takeNow()) || frame) {
      try {
        const image = { bytes: new Uint8Array(frame.bytes) };
        const job = await client.postFrame(camera, image, { ...asked, frame_time: frame.takenAt }, { signal: cut });
        endurance.answered();
        return job.id;
      } catch (error) {
        if (!(await endurance.failed(error))) return null;
      }
    }
  };

  let count = 0;
  for (let frame = await waiting.take(stop); frame; frame = await waiting.take(stop)) {
    const id = await handIn(frame);
    if (id === null) break;
    count += 1;
    await posted(id);
  }
  return count;
}
