import { statSync } from 'node:fs';
import { type DetectionOptions, KEEP, MAX_MAX_AGE_S, MIN_MAX_AGE_S, readCameraName } from '@facequeue/schema';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { addDetectionOptions, type DetectionFlags, readDetectionOptions } from '../options/detection.ts';
import { addHelpParagraphs } from '../options/help.ts';
import { addServerOptions, readTarget, type ServerFlags, type Target } from '../options/server.ts';
import { moment, numberFrom } from '../options/values.ts';
import { UsageError } from '../usage.ts';
import { readSource, type Source } from './source.ts';

/** What `watch` was asked to do. */
export interface WatchCall extends Target {
  source: Source;
  camera: string;
  fps: number;
  keep: (typeof KEEP)[number];
  /** Seconds; undefined: the service's limit for any frame. */
  maxAge: number | undefined;
  /** Time of the first picture of a file. */
  startsAt: Date;
  options: Omit<DetectionOptions, 'orient'>;
  print: 'lines' | 'json' | 'nothing';
}

export interface WatchFlags extends ServerFlags, DetectionFlags {
  camera: string;
  fps: number;
  keep?: WatchCall['keep'];
  maxAge?: number;
  start?: Date;
  json?: true;
  quiet?: true;
}

const DEFAULT_FPS = 2;
const MIN_FPS = 0.01;
const MAX_FPS = 60;

export function addWatchOptions(command: Command): Command {
  command
    .description(
      `Finds the faces in a camera or a video, frame by frame. Needs ffmpeg on the PATH.

SOURCE is a camera (rtsp://…, rtsps://…, http(s)://…, /dev/video0), which is watched until Ctrl-C and connected again after a break; or a video (a file, or an http(s) URL ending in .mp4, .mkv, …), which ends the command when all its results are there.`,
    )
    .usage('--camera <NAME> [options] <SOURCE>')
    .argument('<SOURCE>', 'camera or video')
    .requiredOption(
      '--camera <NAME>',
      "the camera's name at the service: letters, digits, dot, dash and underscore",
      readCamera,
    )
    .option(
      '--fps <N>',
      `frames for each second of the source, ${MIN_FPS} to ${MAX_FPS}`,
      numberFrom(MIN_FPS, MAX_FPS),
      DEFAULT_FPS,
    )
    .addOption(
      new Option(
        '--keep <WHICH>',
        'latest: a newer frame replaces one that waits, and a file is played in real time; all: every frame is processed (default: latest for cameras, all for files)',
      ).choices(KEEP),
    )
    .option(
      '--max-age <SECONDS>',
      `drop a frame that has not been started by then; ${MIN_MAX_AGE_S} to ${MAX_MAX_AGE_S}`,
      numberFrom(MIN_MAX_AGE_S, MAX_MAX_AGE_S),
    )
    .option(
      '--start <TIME>',
      'time of the first picture of a file, such as 2026-01-02T03:04:05Z (default: now)',
      moment,
    )
    .addOption(new Option('--json', 'a result as JSON a line, as in the events of the camera').conflicts('quiet'))
    .option('--quiet', 'no results, only what goes wrong');
  return addHelpParagraphs(
    addDetectionOptions(addServerOptions(command)),
    'Prints a line for each result of the camera: time of the frame, number of faces, highest confidence. The time of a frame of a file is the time at which the file shows it, counted from --start; that of a camera is the time of its arrival.',
    'Exit codes: 0 the file is done, 1 a frame failed, the file could not be read or the service refused, 2 the command line was not understood, 130 Ctrl-C.',
  );
}

/** @throws UsageError */
export function readWatchCall(source: string, flags: WatchFlags): WatchCall {
  const from = readSource(source, isFile);
  if (flags.start !== undefined && from.live) throw new UsageError('--start is for files');
  const { orient, ...options } = readDetectionOptions(flags);
  return {
    source: from,
    camera: flags.camera,
    fps: flags.fps,
    keep: flags.keep ?? (from.live ? 'latest' : 'all'),
    maxAge: flags.maxAge,
    startsAt: flags.start ?? new Date(),
    options,
    print: flags.json ? 'json' : flags.quiet ? 'nothing' : 'lines',
    ...readTarget(flags),
  };
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
}

function readCamera(name: string): string {
  try {
    return readCameraName(name);
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}.`);
  }
}
