import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createFrameSplitter } from './frame-splitter.ts';

/** How a person gets ffmpeg, where there is none. */
export const HOW_TO_INSTALL =
  'watch needs ffmpeg, and there is none on the PATH. Install it: `apt-get install ffmpeg` (Debian, Ubuntu), ' +
  '`dnf install ffmpeg` (Fedora), `apk add ffmpeg` (Alpine), `brew install ffmpeg` (macOS).';

/** What is kept of what ffmpeg says: its last words are why it ended. */
const SAID_LENGTH = 4000;
/** What ffmpeg may take to end when it is asked to, ms. */
const END_MS = 2000;

export function hasFfmpeg(): boolean {
  return spawnSync('ffmpeg', ['-version'], { stdio: 'ignore' }).error === undefined;
}

/** How ffmpeg ended. */
export interface End {
  /** Null when it read its input to the end. */
  reason: string | null;
}

/**
 * Runs ffmpeg and gives the frames it writes, as fast as they are taken: what is not read stays in the pipe, and ffmpeg waits.
 * It runs no longer than its frames are read, and not after `signal` aborts.
 * @param silenceMs how long it may write nothing while it is read; then it is ended
 * @returns how it ended
 */
export async function* runFfmpeg(args: string[], silenceMs: number, signal: AbortSignal): AsyncGenerator<Buffer, End> {
  const child = spawn('ffmpeg', args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = new Promise<void>((resolve) => child.on('close', resolve).on('error', () => resolve()));
  using _ = endWithProcess(child);
  let said = '';
  child.stderr.on('data', (text) => (said = (said + text).slice(-SAID_LENGTH)));
  let reason: string | null = null;
  let patience: NodeJS.Timeout | undefined;
  const end = () => {
    child.kill('SIGTERM');
    patience ??= setTimeout(() => child.kill('SIGKILL'), END_MS);
  };
  if (signal.aborted) end();
  signal.addEventListener('abort', end, { once: true });
  const splitter = createFrameSplitter();
  const output = child.stdout[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  try {
    for (;;) {
      const silence = setTimeout(() => {
        reason = `it has been silent for ${Math.round(silenceMs / 1000)} s`;
        end();
      }, silenceMs);
      // A pipe that breaks is one that ends.
      const { done, value } = await output.next().catch(() => ({ done: true, value: undefined }));
      clearTimeout(silence);
      if (done || !value) break;
      yield* splitter.push(value);
    }
    await exited;
    if (reason === null && child.exitCode !== 0) {
      reason = said.trim().split('\n').at(-1) || `ffmpeg ended with ${child.exitCode ?? child.signalCode}`;
    }
    return { reason };
  } catch (error) {
    return { reason: (error as Error).message };
  } finally {
    signal.removeEventListener('abort', end);
    child.stdout.destroy();
    if (child.exitCode === null && child.signalCode === null) end();
    await exited;
    clearTimeout(patience);
  }
}

/** A command that ends at once, as on a second Ctrl-C, leaves no ffmpeg behind. */
function endWithProcess(child: ChildProcess): Disposable {
  const onExit = () => child.kill('SIGKILL');
  process.once('exit', onExit);
  return { [Symbol.dispose]: () => void process.off('exit', onExit) };
}
