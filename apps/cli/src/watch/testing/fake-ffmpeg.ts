import { chmodSync, copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** What a run of it does. */
export interface Run {
  /** Each a byte, by which `frameOf` knows it again. */
  frames: number[];
  /** Pause after each, ms. */
  everyMs?: number;
  /** `well`: with 0; `badly`: with 1; `never`: it goes on without a word. */
  ends: 'well' | 'badly' | 'never';
  /** On standard error, before that. */
  says?: string;
  /** Whether it does not end when it is asked to. */
  stubborn?: boolean;
}

export interface FakeFfmpeg extends Disposable {
  /** For the environment of the command. */
  readonly env: { PATH: string; FAKE_FFMPEG: string };
  /** The runs so far. */
  runs(): { pid: number; args: string[] }[];
}

/** An `ffmpeg` in a folder of its own, which stands before all others on the PATH. The last run is repeated. */
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

/** Which frame of a plan these bytes are. */
export function frameOf(bytes: Buffer | null): number | undefined {
  return bytes?.at(-3);
}
