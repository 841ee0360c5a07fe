import { statSync } from 'node:fs';
import { type DetectionOptions, KEEP, MAX_MAX_AGE_S, MIN_MAX_AGE_S, readCameraName } from '@facequeue/schema';
import { DETECTION_FLAG_OPTIONS, DETECTION_HELP, readDetectionFlags } from '../detection-options.ts';
import { readTarget, TARGET_FLAGS, TARGET_HELP, type Target } from '../target.ts';
import { parseCommandLine, UsageError } from '../usage.ts';
import { readSource, type Source } from './source.ts';

/** What `watch` was asked to do. */
export interface WatchCall extends Target {
  source: Source;
  camera: string;
  fps: number;
  keep: (typeof KEEP)[number];
  /** Seconds; undefined: as long as the service gives any frame. */
  maxAge: number | undefined;
  /** Time of the first picture of a file. */
  startsAt: Date;
  options: Omit<DetectionOptions, 'orient'>;
  print: 'lines' | 'json' | 'nothing';
}

const DEFAULT_FPS = 2;
const MIN_FPS = 0.01;
const MAX_FPS = 60;

export const WATCH_HELP = `SOURCE is a camera (rtsp://…, rtsps://…, http(s)://…, /dev/video0), which is watched until Ctrl-C and connected to again when it
breaks, or a video (a file, or an http(s) URL ending in .mp4, .mkv, …), which ends the command once all results are there.
Needs ffmpeg on the PATH.

  --camera NAME          what the service calls it: letters, digits, dot, dash and underscore
  --fps N                frames a second of the source, ${MIN_FPS} to ${MAX_FPS}; ${DEFAULT_FPS} unless named
  --keep latest|all      latest: a newer frame takes the place of one that waits, and a file is played at its own pace;
                         all: each frame is looked at. latest for cameras, all for files unless named
  --max-age SECONDS      a frame that is not started by then is dropped; ${MIN_MAX_AGE_S} to ${MAX_MAX_AGE_S}
  --start TIME           when a file begins, such as 2026-01-02T03:04:05Z; now unless named
${TARGET_HELP}
  --json                 a result as JSON a line, as the camera's events have it
  --quiet                no results, only what goes wrong
${DETECTION_HELP.replaceAll(/^( {2}--.{18}) /gm, '$1   ')}

Prints a line for each result of the camera: when the frame was taken, faces, highest confidence. A frame of a file was taken when
the file shows it, counted from its beginning; one of a camera when it came.
Ctrl-C ends ffmpeg and the command (exit code 130). Exit codes: 0 the file is done, 1 a frame failed, the file could not be read
or the service refused, 2 the command line was not understood.
`;

/**
 * @param unless the service when the command line names none
 * @throws UsageError
 */
export function parseWatchCall(args: string[], unless: Target): WatchCall {
  const { values, positionals } = parseCommandLine('watch', {
    args,
    options: {
      camera: { type: 'string' },
      fps: { type: 'string' },
      keep: { type: 'string' },
      'max-age': { type: 'string' },
      start: { type: 'string' },
      json: { type: 'boolean', default: false },
      quiet: { type: 'boolean', default: false },
      ...TARGET_FLAGS,
      ...DETECTION_FLAG_OPTIONS,
    },
  });
  const [source, ...others] = positionals;
  if (source === undefined || others.length)
    throw new UsageError('watch takes one SOURCE. `facequeue help watch` says more.');
  if (values.json && values.quiet) throw new UsageError('--json and --quiet do not go together.');
  const from = readSource(source, isFile);
  if (values.start !== undefined && from.live) throw new UsageError('--start is for files.');
  const { orient, ...options } = readDetectionFlags(values);
  return {
    source: from,
    camera: readCamera(values.camera),
    fps: readNumber('--fps', values.fps, MIN_FPS, MAX_FPS) ?? DEFAULT_FPS,
    keep: readKeep(values.keep) ?? (from.live ? 'latest' : 'all'),
    maxAge: readNumber('--max-age', values['max-age'], MIN_MAX_AGE_S, MAX_MAX_AGE_S),
    startsAt: readTime(values.start),
    options,
    print: values.json ? 'json' : values.quiet ? 'nothing' : 'lines',
    ...readTarget(values, unless),
  };
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

function readCamera(name: string | undefined): string {
  if (name === undefined) throw new UsageError('watch needs --camera NAME: what the service shall call it.');
  try {
    return readCameraName(name);
  } catch (error) {
    throw new UsageError(`--camera ${name}: ${(error as Error).message}.`);
  }
}

function readKeep(text: string | undefined): WatchCall['keep'] | undefined {
  const known = KEEP.find((one) => one === text);
  if (text !== undefined && !known) throw new UsageError(`--keep ${text}: expected ${KEEP.join(' or ')}.`);
  return known;
}

function readNumber(flag: string, text: string | undefined, min: number, max: number): number | undefined {
  if (text === undefined) return undefined;
  const number = Number(text);
  if (/^\d*\.?\d+$/.test(text) && number >= min && number <= max) return number;
  throw new UsageError(`${flag} ${text}: expected a number from ${min} to ${max}.`);
}

function readTime(text: string | undefined): Date {
  const time = text === undefined ? new Date() : new Date(text);
  // A time without an offset would mean another moment on another machine.
  const whole = text === undefined || /T.*(Z|[+-]\d\d:\d\d)$/.test(text);
  if (!whole || Number.isNaN(time.getTime()))
    throw new UsageError(`--start ${text}: expected a time such as 2026-01-02T03:04:05Z.`);
  return time;
}
