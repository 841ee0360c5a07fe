import { setTimeout as pause } from 'node:timers/promises';
import type { Say } from '../commands.ts';
import { backOffMs } from './back-off.ts';
import { type End, runFfmpeg } from './ffmpeg.ts';
import { ffmpegArguments, type Source, withoutSecrets } from './source.ts';

/** A frame on its way to the service. */
export interface Frame {
  bytes: Buffer;
  takenAt: Date;
}

/** A live source that is silent for so long is taken for broken, ms; at low rates for so many frames. */
const SILENCE_MS = 20_000;
const SILENT_FRAMES = 3;
/** The same for a file, of which ffmpeg may have to read much until the next frame. */
const FILE_SILENCE_MS = 120_000;

export interface Playing {
  fps: number;
  /** Whether a file is played as fast as it was taken. */
  atItsPace: boolean;
  /** When a file begins. */
  begins: Date;
}

/**
 * The frames of a source: of a file until its end, of a live source until `stop`, however often it breaks.
 * A frame of a file was taken when the file shows it, counted from `begins`; a live one when it comes.
 * @returns how a file ended; null when it was stopped
 */
export function play(source: Source, playing: Playing, say: Say, stop: AbortSignal): AsyncGenerator<Frame, End | null> {
  return source.live ? playLive(source, playing, say, stop) : playFile(source, playing, stop);
}

async function* playFile(
  source: Source,
  { fps, atItsPace, begins }: Playing,
  stop: AbortSignal,
): AsyncGenerator<Frame, End | null> {
  const silenceMs = Math.max(FILE_SILENCE_MS, (SILENT_FRAMES * 1000) / fps);
  await using frames = runFfmpeg(ffmpegArguments(source, fps, atItsPace), silenceMs, stop);
  for (let n = 0; ; n++) {
    const { done, value } = await frames.next();
    if (stop.aborted) return null;
    if (done) return { reason: value.reason && withoutSecrets(value.reason, source) };
    yield { bytes: value, takenAt: new Date(begins.getTime() + Math.round((n * 1000) / fps)) };
  }
}

async function* playLive(source: Source, { fps }: Playing, say: Say, stop: AbortSignal): AsyncGenerator<Frame, null> {
  const silenceMs = Math.max(SILENCE_MS, (SILENT_FRAMES * 1000) / fps);
  /** In a row: runs of ffmpeg that have brought no frame. */
  let failures = 0;
  /** When the last frame came. After a gap ffmpeg fills it with copies, all at once. */
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
    const ms = backOffMs(failures, Math.random());
    const reason = withoutSecrets(next.value.reason ?? 'it has ended', source);
    say(`${source.label}: ${reason}. Trying again in ${Math.ceil(ms / 1000)} s.`);
    await pause(ms, undefined, { signal: stop }).catch(() => {});
  }
  return null;
}
