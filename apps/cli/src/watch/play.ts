import { sleep } from '@facequeue/time';
import type { Output } from '../output.ts';
import { type End, runFfmpeg } from './ffmpeg.ts';
import { watchBackoff } from './outage-policy.ts';
import { ffmpegArguments, type Source, withoutSecrets } from './source.ts';

/** A frame on its way to the service. */
export interface Frame {
  bytes: Buffer;
  takenAt: Date;
}

/** A live source that is silent for this long counts as broken, ms; at low rates for this many frames. */
const SILENCE_MS = 20_000;
const SILENT_FRAMES = 3;
/** The same for a file: ffmpeg may have to read much of it before the next frame. */
const FILE_SILENCE_MS = 120_000;

/** How a source is played. */
export interface Playback {
  fps: number;
  /** Plays a file in real time instead of as fast as it can be read. */
  realTime: boolean;
  /** Time of the first picture of a file. */
  startsAt: Date;
}

/**
 * Yields the frames of a source: of a file until its end, of a live source until `stop`, however often it breaks.
 * A frame of a file has the time at which the file shows it, counted from `startsAt`; a live frame the time of its arrival.
 * @returns how a file ended; null when it was stopped
 */
export function play(
  source: Source,
  playback: Playback,
  output: Output,
  stop: AbortSignal,
): AsyncGenerator<Frame, End | null> {
  return source.live ? playLive(source, playback, output, stop) : playFile(source, playback, stop);
}

async function* playFile(
  source: Source,
  { fps, realTime, startsAt }: Playback,
  stop: AbortSignal,
): AsyncGenerator<Frame, End | null> {
  const silenceMs = Math.max(FILE_SILENCE_MS, (SILENT_FRAMES * 1000) / fps);
  await using frames = runFfmpeg(ffmpegArguments(source, fps, realTime), silenceMs, stop);
  for (let n = 0; ; n++) {
    const { done, value } = await frames.next();
    if (stop.aborted) return null;
    if (done) return { reason: value.reason && withoutSecrets(value.reason, source) };
    yield { bytes: value, takenAt: new Date(startsAt.getTime() + Math.round((n * 1000) / fps)) };
  }
}

async function* playLive(
  source: Source,
  { fps }: Playback,
  { stderr }: Output,
  stop: AbortSignal,
): AsyncGenerator<Frame, null> {
  const silenceMs = Math.max(SILENCE_MS, (SILENT_FRAMES * 1000) / fps);
  /** Runs of ffmpeg in a row that gave no frame. */
  let failures = 0;
  /** When the last frame arrived. After a gap ffmpeg fills it with copies, all at the same time. */
  let last = Number.NEGATIVE_INFINITY;
  while (!stop.aborted) {
    await using frames = runFfmpeg(ffmpegArguments(source, fps, false), silenceMs, stop);
    let next = await frames.next();
    for (; !next.done && !stop.aborted; next = await frames.next()) {
      failures = 0;
      const now = performance.now();
      if (now - last < 500 / fps) continue;
      last = now;
      yield { bytes: next.value, takenAt: new Date() };
    }
    if (stop.aborted || !next.done) break;
    failures += 1;
    const ms = watchBackoff(failures);
    const reason = withoutSecrets(next.value.reason ?? 'the stream ended', source);
    stderr(`${source.label}: ${reason}. Trying again in ${Math.ceil(ms / 1000)} s.`);
    await sleep(ms, stop).catch(() => {});
  }
  return null;
}
