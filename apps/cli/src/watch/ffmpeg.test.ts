import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { allProcesses } from '../../../../test/support/processes/process-table.ts';
import { type End, hasFfmpeg, runFfmpeg } from './ffmpeg.ts';
import { type FakeFfmpeg, fakeFfmpeg, frameOf, type Run } from './testing/fake-ffmpeg.ts';

const never = new AbortController().signal;
const LONG_MS = 60_000;
const env = { ...process.env };
let ffmpeg: FakeFfmpeg;

function plan(...runs: Run[]): void {
  ffmpeg = fakeFfmpeg(...runs);
  Object.assign(process.env, ffmpeg.env);
}
beforeEach(() => plan({ frames: [1, 2], ends: 'well' }));
afterEach(() => {
  ffmpeg[Symbol.dispose]();
  process.env = { ...env };
});

const isRunning = () => allProcesses().some(({ pid }) => pid === ffmpeg.runs()[0]!.pid);

/** Reads all frames. */
async function run(silenceMs = LONG_MS, signal = never): Promise<{ frames: (number | undefined)[]; end: End }> {
  const frames: (number | undefined)[] = [];
  const output = runFfmpeg(['-i', 'a'], silenceMs, signal);
  for (;;) {
    const { done, value } = await output.next();
    if (done) return { frames, end: value };
    frames.push(frameOf(value));
  }
}

describe('runFfmpeg', () => {
  it('yields the frames and no reason when ffmpeg exits with 0', async () => {
    expect(hasFfmpeg()).toBe(true);
    expect(await run()).toEqual({ frames: [1, 2], end: { reason: null } });
    expect(ffmpeg.runs()[0]!.args).toEqual(['-i', 'a']);
  });

  it('stops an ffmpeg that falls silent', async () => {
    ffmpeg[Symbol.dispose]();
    plan({ frames: [1], ends: 'never' });
    // Long enough for it to start on a busy machine.
    expect(await run(8000)).toEqual({ frames: [1], end: { reason: 'silent for 8 s' } });
    expect(isRunning()).toBe(false);
  });

  it('does not count the time in which nobody reads as silence', async () => {
    ffmpeg[Symbol.dispose]();
    plan({ frames: [1, 2], everyMs: 1, ends: 'well' });
    const output = runFfmpeg([], 8000, never);
    expect(frameOf((await output.next()).value as Buffer)).toBe(1);
    await expect.poll(isRunning).toBe(false);
    expect(frameOf((await output.next()).value as Buffer)).toBe(2);
    expect(await output.next()).toEqual({ done: true, value: { reason: null } });
  });

  it('gives the last line of standard error as the reason', async () => {
    ffmpeg[Symbol.dispose]();
    plan({ frames: [], ends: 'badly', stderr: 'one thing\nand another' });
    expect(await run()).toEqual({ frames: [], end: { reason: 'and another' } });
  });

  it('stops ffmpeg when its reader stops', async () => {
    ffmpeg[Symbol.dispose]();
    plan({ frames: [1], ends: 'never' });
    for await (const _ of runFfmpeg([], LONG_MS, never)) break;
    expect(isRunning()).toBe(false);
  });

  it('stops ffmpeg when the signal has aborted before the start', async () => {
    const aborted = AbortSignal.abort();
    expect((await run(LONG_MS, aborted)).end.reason).toBe('ffmpeg ended with SIGTERM');
  });
});
