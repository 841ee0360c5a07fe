import { UsageError } from '../usage.ts';

/** What is watched, and how ffmpeg opens it. */
export interface Source {
  /** A live source never ends, and frames that are not read in time are lost. */
  live: boolean;
  /** For messages: without user name, password and query. */
  label: string;
  /** As given on the command line, possibly with a password. */
  text: string;
  /** ffmpeg's input options and input. */
  input: string[];
}

/** Paths of HTTP URLs that are files; all other HTTP URLs are live streams. */
const VIDEO_FILE = /\.(mp4|m4v|mov|mkv|webm|avi|mpe?g)$/i;

const EXPECTED = 'rtsp://…, rtsps://…, http(s)://…, a video file or /dev/video0';

/** Frames of a live source get the time of their arrival, because the timestamps of cameras jump. */
const ARRIVAL_TIMES = ['-use_wallclock_as_timestamps', '1'];

/**
 * @param isFile whether a path names a file
 * @throws UsageError for anything but a file or a URL of a supported scheme
 */
export function readSource(text: string, isFile: (path: string) => boolean): Source {
  // ffmpeg would read it as an option.
  if (text.startsWith('-'))
    throw new UsageError(`${text}: expected ${EXPECTED}; write ./${text} for a file of this name`);
  const scheme = /^([a-z][a-z\d+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme !== undefined) return readUrl(text, scheme);
  if (/^\/dev\/video\d+$/.test(text))
    return { live: true, label: text, text, input: [...ARRIVAL_TIMES, '-f', 'v4l2', '-i', text] };
  if (!isFile(text)) throw new UsageError(`${text}: no such file; expected ${EXPECTED}`);
  // Without `file:`, ffmpeg reads a file name with a colon as a URL.
  return { live: false, label: text, text, input: ['-i', `file:${text}`] };
}

function readUrl(text: string, scheme: string): Source {
  const url = URL.parse(text);
  if (!url?.hostname || !['rtsp', 'rtsps', 'http', 'https'].includes(scheme))
    throw new UsageError(`${scheme}://…: expected ${EXPECTED}`);
  const label = `${scheme}://${url.host}${url.pathname}`;
  if (scheme.startsWith('http') && VIDEO_FILE.test(url.pathname))
    return { live: false, label, text, input: ['-i', text] };
  // Over UDP, lost packets turn whole pictures grey.
  const transport = scheme.startsWith('rtsp') ? ['-rtsp_transport', 'tcp'] : [];
  return { live: true, label, text, input: [...ARRIVAL_TIMES, ...transport, '-i', text] };
}

/** Longest side that the service searches, px. Larger frames are scaled down before they are sent: services of 0.1.0 refuse them. */
const MAX_SIDE = 4096;

/**
 * The arguments with which ffmpeg writes a source's frames to its standard output as concatenated JPEGs: `fps` frames for each
 * second of the source. Frame n (from 0) of a file is the picture that the file shows at n / `fps` seconds.
 * @param realTime play a file in real time instead of as fast as it can be read
 */
export function ffmpegArguments(source: Source, fps: number, realTime: boolean): string[] {
  const rate = `fps=${fps}:round=up${source.live ? '' : ':start_time=0'}`;
  const size = `scale=w='min(iw,${MAX_SIDE})':h='min(ih,${MAX_SIDE})':force_original_aspect_ratio=decrease`;
  return [
    ...['-hide_banner', '-nostdin', '-loglevel', 'error'],
    ...(realTime && !source.live ? ['-re'] : []),
    ...source.input,
    ...['-map', '0:v:0', '-vf', `${rate},${size}`],
    // Quality 3 of 2 to 31 finds the same faces as the original, at a few times the size of the video.
    ...['-c:v', 'mjpeg', '-q:v', '3', '-f', 'image2pipe', 'pipe:1'],
  ];
}

/** A line of ffmpeg's output without the source's user name, password and query. */
export function withoutSecrets(line: string, { text, label }: Source): string {
  return line.replaceAll(text, label).replaceAll(/\/\/[^\s/@]*@/g, '//');
}
