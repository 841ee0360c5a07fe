import type { CameraFrame, Client } from '@facequeue/client';
import { isFacequeueError } from '@facequeue/schema';
import { linkedAbort } from '@facequeue/time';
import { INTERRUPTED, type Interruption } from '../interruption.ts';
import type { Output } from '../output.ts';
import { FrameBuffer } from './frame-buffer.ts';
import { FramesInFlight } from './in-flight.ts';
import type { WatchCall } from './options.ts';
import { type Frame, play } from './play.ts';
import { postFrames } from './post.ts';
import { reportFor } from './report.ts';
import { followResults } from './results.ts';

/** Frames of a camera that are buffered during an outage with `keep=all`: a quarter of a minute at 2 a second. */
const LIVE_BUFFER = 32;
/** Frames of a file at the service at a time: enough to keep its workers busy, few to lose. */
const FILE_IN_FLIGHT = 32;

/**
 * Watches a source: ffmpeg yields frames, the service processes them, and their results are printed.
 * @returns the exit code
 */
export async function watch(
  call: WatchCall,
  client: Client,
  interruption: Interruption,
  output: Output,
): Promise<number> {
  const { stdout, stderr } = output;
  const { source, fps, keep, startsAt } = call;
  const refused = await refusal(call, client, interruption.stop);
  if (refused) {
    stderr(refused);
    return 1;
  }
  /** The three tasks below end together: the first that cannot go on aborts this with its error. */
  const broken = new AbortController();
  const task = async <T>(work: Promise<T>): Promise<T | null> => {
    try {
      return await work;
    } catch (error) {
      if (!interruption.stop.aborted && !broken.signal.aborted) broken.abort(error);
      return null;
    }
  };
  using stopOrBroken = linkedAbort(interruption.stop, broken.signal);
  using cutOrBroken = linkedAbort(interruption.cut, broken.signal);
  const stop = stopOrBroken.signal;
  const cut = cutOrBroken.signal;
  using listening = linkedAbort(stop);

  const every = keep === 'all';
  const buffer = new FrameBuffer<Frame>(
    every && source.live ? LIVE_BUFFER : 1,
    every && !source.live ? 'wait' : 'drop',
  );
  const inFlight = new FramesInFlight(client, FILE_IN_FLIGHT);
  let results = 0;
  let failed = false;
  const report = reportFor(call.print);

  const opened = Promise.withResolvers<void>();
  const onFrame = (frame: CameraFrame) => {
    results += 1;
    failed ||= frame.status === 'failed';
    stdout(report(frame));
    if (!source.live) inFlight.resultArrived(frame.job);
  };
  const following = task(followResults(call, client, opened.resolve, onFrame, listening.signal, output));
  // The first frame is posted only when its result cannot be missed.
  await Promise.race([opened.promise, following]);

  const playing = task(
    (async () => {
      const frames = play(source, { fps, realTime: !every, startsAt }, output, stop);
      try {
        for (;;) {
          const { done, value } = await frames.next();
          if (done) return value;
          await buffer.put(value, stop);
        }
      } finally {
        buffer.close();
      }
    })(),
  );
  const onPosted = async (id: string) => {
    if (!source.live) await inFlight.add(id, stop);
  };
  const posting = task(postFrames(call, client, buffer, onPosted, { stop, cut }, output));
  const [end, count] = await Promise.all([playing, posting]);
  await task(inFlight.empty(stop));
  listening.abort();
  await following;

  if (interruption.stop.aborted) stderr('Interrupted.');
  else if (broken.signal.aborted) stderr(describe(broken.signal.reason, call));
  else if (end?.reason) stderr(`${source.label}: ${end.reason}`);
  if (call.print !== 'nothing')
    stderr(
      `${count ?? 0} frames submitted, ${results} results${buffer.dropped ? `, ${buffer.dropped} dropped here` : ''}.`,
    );
  if (interruption.stop.aborted) return INTERRUPTED;
  return broken.signal.aborted || end?.reason || failed ? 1 : 0;
}

/** Asks the service before ffmpeg is started. @returns why it refuses; null when it does not */
async function refusal(call: WatchCall, client: Client, signal: AbortSignal): Promise<string | null> {
  try {
    await client.cameras({ signal });
    return null;
  } catch (error) {
    return signal.aborted ? null : describe(error, call);
  }
}

/** @throws `error` itself unless it is the service's */
function describe(error: unknown, { service }: WatchCall): string {
  if (!isFacequeueError(error)) throw error;
  return `${error.code}: ${error.message} (${service})`;
}
