import type { CameraFrame, Client } from '@facequeue/client';
import { isFacequeueError } from '@facequeue/schema';
import type { Print, Say } from '../commands.ts';
import { INTERRUPTED, type Interruption } from '../interruption.ts';
import { HandedIn } from './handed-in.ts';
import type { WatchCall } from './options.ts';
import { type Frame, play } from './play.ts';
import { postFrames } from './post.ts';
import { reportFor } from './report.ts';
import { followResults } from './results.ts';
import { Waiting } from './waiting.ts';

/** Frames of a camera that wait while the service is away, where each counts: a quarter of a minute at 2 a second. */
const LIVE_ROOM = 32;
/** Frames of a file at the service at a time: enough for its workers, and little to lose. */
const FILE_HANDED_IN = 32;

/**
 * Watches a source: ffmpeg gives frames, the service takes them, and its results are printed.
 * @returns the exit code
 */
export async function watch(
  call: WatchCall,
  client: Client,
  interruption: Interruption,
  print: Print,
  say: Say,
): Promise<number> {
  const { source, fps, keep, begins } = call;
  const refused = await refusal(call, client, interruption.stop);
  if (refused) {
    say(refused);
    return 1;
  }
  /** One that cannot go on ends all. */
  const broken = new AbortController();
  const part = async <T>(work: Promise<T>): Promise<T | null> => {
    try {
      return await work;
    } catch (error) {
      if (!interruption.stop.aborted && !broken.signal.aborted) broken.abort(error);
      return null;
    }
  };
  const stop = AbortSignal.any([interruption.stop, broken.signal]);
  const cut = AbortSignal.any([interruption.cut, broken.signal]);
  const told = new AbortController();

  const each = keep === 'all';
  const waiting = new Waiting<Frame>(each && source.live ? LIVE_ROOM : 1, each && !source.live ? 'wait' : 'drop');
  const handedIn = new HandedIn(client, FILE_HANDED_IN);
  let results = 0;
  let failed = false;
  const report = reportFor(call.print);

  const opened = Promise.withResolvers<void>();
  const onFrame = (frame: CameraFrame) => {
    results += 1;
    failed ||= frame.status === 'failed';
    print(report(frame));
    if (!source.live) handedIn.told(frame.job);
  };
  const listening = AbortSignal.any([stop, told.signal]);
  const following = part(followResults(call, client, opened.resolve, onFrame, listening, say));
  // No result is missed.
  await Promise.race([opened.promise, following]);

  const playing = part(
    (async () => {
      const frames = play(source, { fps, atItsPace: !each, begins }, say, stop);
      try {
        for (;;) {
          const { done, value } = await frames.next();
          if (done) return value;
          await waiting.put(value, stop);
        }
      } finally {
        waiting.close();
      }
    })(),
  );
  const posted = async (id: string) => {
    if (!source.live) await handedIn.add(id, stop);
  };
  const posting = part(postFrames(call, client, waiting, posted, { stop, cut }, say));
  const [end, count] = await Promise.all([playing, posting]);
  await part(handedIn.all(stop));
  told.abort();
  await following;

  if (interruption.stop.aborted) say('Interrupted.');
  else if (broken.signal.aborted) say(complaint(broken.signal.reason, call));
  else if (end?.reason) say(`${source.label}: ${end.reason}`);
  if (call.print !== 'nothing')
    say(
      `${count ?? 0} frames handed in, ${results} results${waiting.dropped ? `, ${waiting.dropped} dropped here` : ''}.`,
    );
  if (interruption.stop.aborted) return INTERRUPTED;
  return broken.signal.aborted || end?.reason || failed ? 1 : 0;
}

/** Why the service will have nothing to do with this, told before ffmpeg is run; null when it will. */
async function refusal(call: WatchCall, client: Client, signal: AbortSignal): Promise<string | null> {
  try {
    await client.cameras({ signal });
    return null;
  } catch (error) {
    return signal.aborted ? null : complaint(error, call);
  }
}

/** @throws what is no word of the service */
function complaint(error: unknown, { service }: WatchCall): string {
  if (!isFacequeueError(error)) throw error;
  return `${error.code}: ${error.message} (${service})`;
}
