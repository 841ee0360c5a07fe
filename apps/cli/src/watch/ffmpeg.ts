import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { startTimer } from '@facequeue/time';
import { createFrameSplitter } from './frame-splitter.ts';

/** How to install ffmpeg, printed where there is none. */
export const HOW_TO_INSTALL =
  'watch needs ffmpeg, which is not on the PATH. Install it: `apt-get install ffmpeg` (Debian, Ubuntu), ' +
  '`dnf install ffmpeg` (Fedora), `apk add ffmpeg` (Alpine), `brew install ffmpeg` (macOS).';

/** How many of the last characters of standard error are kept: they say why ffmpeg ended. */
const STDERR_LENGTH = 4000;
/** Time between SIGTERM and SIGKILL, ms. */
const KILL_AFTER_MS = 2000;

export function hasFfmpeg(): boolean {
  return spawnSync('ffmpeg', ['-version'], { stdio: 'ignore' }).error === undefined;
}

/** How ffmpeg ended. */
export interface End {
  /** Null when it read its input to the end. */
  reason: string | null;
}

/**
 * Runs ffmpeg and yields the frames it writes. While the consumer is slow, frames stay in the pipe and ffmpeg waits.
 * ffmpeg ends with the iteration, or when `signal` aborts.
 * @param silenceMs how long it may write nothing while it is being read; then it is stopped
 * @returns how it ended
 */
export async function* runFfmpeg(args: string[], silenceMs: number, signal: AbortSignal): AsyncGenerator<Buffer, End> {
  const child = spawn('ffmpeg', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = new Promise<void>((resolve) => child.on('close', resolve).on('error', () => resolve()));
  using _ = killOnExit(child);
  let stderr = '';
  child.stderr.on('data', (text) => (stderr = (stderr + text).slice(-STDERR_LENGTH)));
  let reason: string | null = null;
  let killTimer: NodeJS.Timeout | undefined;
  const stop = () => {
    child.kill('SIGTERM');
    killTimer ??= setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS);
  };
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  const splitter = createFrameSplitter();
  const output = child.stdout[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  try {
    for (;;) {
      const silence = startTimer(silenceMs, () => {
        reason = `silent for ${Math.round(silenceMs / 1000)} s`;
        stop();
      });
      // A broken pipe counts as its end.
      const { done, value } = await output.next().catch(() => ({ done: true, value: undefined }));
      silence.clear();
      if (done || !value) break;
      yield* splitter.push(value);
    }
    await exited;
    if (reason === null && child.exitCode !== 0) {
      reason = stderr.trim().split('\n').at(-1) || `ffmpeg ended with ${child.exitCode ?? child.signalCode}`;
    }
    return { reason };
  } catch (error) {
    return { reason: (error as Error).message };
  } finally {
    signal.removeEventListener('abort', stop);
    child.stdout.destroy();
    if (child.exitCode === null && child.signalCode === null) stop();
    await exited;
    clearTimeout(killTimer);
  }
}

/** Kills the child when this process exits, for example on a second Ctrl-C. */
function killOnExit(child: ChildProcess): Disposable {
  const onExit = () => child.kill('SIGKILL');
  process.once('exit', onExit);
  return { [Symbol.dispose]: () => void process.off('exit', onExit) };
}
