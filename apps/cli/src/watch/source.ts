import { UsageError } from '../usage.ts';

/** What is watched, as ffmpeg is told of it. */
export interface Source {
  /** Goes on for ever, and at its own pace: what is not taken is gone. */
  live: boolean;
  /** How to speak of it: without user name, password and query. */
  label: string;
  /** As it was named, which may hold a password. */
  text: string;
  /** ffmpeg's arguments up to and with its input. */
  input: string[];
}

/** Videos that are read to their end though they come over HTTP; everything else there is taken for a camera. */
const VIDEO_FILE = /\.(mp4|m4v|mov|mkv|webm|avi|mpe?g)$/i;

const KNOWN = 'rtsp://…, rtsps://…, http(s)://…, a video file or /dev/video0';

/** Frames of a live source have the times at which they come: those that cameras write jump. */
const OWN_CLOCK = ['-use_wallclock_as_timestamps', '1'];

/**
 * @param isFile whether there is a file of this name
 * @throws UsageError for what is neither a file nor an address of a known kind
 */
export function readSource(text: string, isFile: (path: string) => boolean): Source {
  // ffmpeg would take it for an option.
  if (text.startsWith('-'))
    throw new UsageError(`${text}: expected ${KNOWN}. Write ./${text} for a file of this name.`);
  const scheme = /^([a-z][a-z\d+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme !== undefined) return readUrl(text, scheme);
  if (/^\/dev\/video\d+$/.test(text))
    return { live: true, label: text, text, input: [...OWN_CLOCK, '-f', 'v4l2', '-i', text] };
  if (!isFile(text)) throw new UsageError(`${text}: there is no such file. Expected ${KNOWN}.`);
  // Named as what it is, a file whose name has a colon is not taken for an address.
  return { live: false, label: text, text, input: ['-i', `file:${text}`] };
}

function readUrl(text: string, scheme: string): Source {
  const url = URL.parse(text);
  if (!url?.hostname || !['rtsp', 'rtsps', 'http', 'https'].includes(scheme))
    throw new UsageError(`${scheme}://…: expected ${KNOWN}.`);
  const label = `${scheme}://${url.host}${url.pathname}`;
  if (scheme.startsWith('http') && VIDEO_FILE.test(url.pathname))
    return { live: false, label, text, input: ['-i', text] };
  // Over UDP whole pictures are grey when packets are lost.
  const transport = scheme.startsWith('rtsp') ? ['-rtsp_transport', 'tcp'] : [];
  return { live: true, label, text, input: [...OWN_CLOCK, ...transport, '-i', text] };
}

/** Longest side of a frame, px: what the service takes. Larger ones are made smaller. */
const MAX_SIDE = 4096;

/**
 * The arguments with which ffmpeg writes a source's frames to its standard output, JPEG after JPEG: `fps` of them a second
 * of the source, the n-th (from 0) of a file being the picture it shows at n / `fps` seconds.
 * @param atItsPace whether a file is played as fast as it was taken, not as fast as it can be read
 */
export function ffmpegArguments(source: Source, fps: number, atItsPace: boolean): string[] {
  const rate = `fps=${fps}:round=up${source.live ? '' : ':start_time=0'}`;
  const size = `scale=w='min(iw,${MAX_SIDE})':h='min(ih,${MAX_SIDE})':force_original_aspect_ratio=decrease`;
  return [
    ...['-hide_banner', '-nostdin', '-loglevel', 'error'],
    ...(atItsPace && !source.live ? ['-re'] : []),
    ...source.input,
    ...['-map', '0:v:0', '-vf', `${rate},${size}`],
    // Quality 3 of 2 to 31: faces are found as in the original, at a few times the bytes of the video.
    ...['-c:v', 'mjpeg', '-q:v', '3', '-f', 'image2pipe', 'pipe:1'],
  ];
}

/** Makes a line of ffmpeg's fit to be shown: nothing in it but the label tells of the source. */
export function withoutSecrets(line: string, { text, label }: Source): string {
  return line.replaceAll(text, label).replaceAll(/\/\/[^\s/@]*@/g, '//');
}
