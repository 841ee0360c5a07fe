import { chmodSync, copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** What one run of the fake does. */
export interface Run {
  /** Numbers of the frames, one byte each; `frameOf` reads them back. */
  frames: number[];
  /** Bytes that make each frame larger. */
  padding?: number;
  /** Pause after each frame, ms. */
  everyMs?: number;
  /** `well`: exit code 0; `badly`: exit code 1; `never`: it keeps running, silently. */
  ends: 'well' | 'badly' | 'never';
  /** Written to standard error before the end. */
  stderr?: string;
  /** Ignores SIGTERM. */
  stubborn?: boolean;
}

export interface FakeFfmpeg extends Disposable {
  /** Environment for the command under test. */
  readonly env: { PATH: string; FAKE_FFMPEG: string };
  /** The runs so far. */
  runs(): { pid: number; args: string[] }[];
}

/** Creates an `ffmpeg` in a folder that comes first on the PATH. The last run of the plan is repeated. */
export function fakeFfmpeg(...plan: Run[]): FakeFfmpeg {
  const folder = mkdtempSync(join(tmpdir(), 'facequeue-ffmpeg-'));
  const program = join(folder, 'ffmpeg');
  copyFileSync(new URL('fake-ffmpeg.cjs', import.meta.url), program);
  chmodSync(program, 0o755);
  writeFileSync(join(folder, 'plan.json'), JSON.stringify(plan));
  const log = join(folder, 'runs.ndjson');
  return {
    env: { PATH: `${folder}:${dirname(process.execPath)}:${process.env['PATH']}`, FAKE_FFMPEG: folder },
    runs: () =>
      existsSync(log)
        ? readFileSync(log, 'utf8')
            .split('\n')
            .filter(Boolean)
            .map((line) => JSON.parse(line))
        : [],
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** The number of a frame of the plan. */
export function frameOf(bytes: Buffer | null): number | undefined {
  return bytes?.at(-3);
}
