/** Measures a device as the service would use it: several engines at once, each with pictures of several sizes from file to faces. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { startTimer } from '@facequeue/time';
import { missing } from './missing.ts';
import type { Device } from './names.ts';

/** What a device did in its trial. */
export interface Throughput {
  /** Engines that could be started. */
  readonly engines: number;
  /** Images per second of all of them. */
  readonly rate: number;
}

/** What is tried. */
export interface TrialOptions {
  /** Path of the pack's manifest. */
  readonly pack: string;
  readonly device: Device;
  /** Engines to start, each a process. */
  readonly engines: number;
  /** Image files. */
  readonly pictures: readonly Uint8Array[];
}

/** How long the engines may take to open the models and for their first image of each size, ms. Software renderers take minutes. */
const OPENING_MS = 20_000;
/** How long they are measured, ms, and how long they may take for the images that are in progress then. */
const MEASURED_MS = 2000;
const RUN_MS = 10_000;

export type ToTrial =
  | { type: 'open'; pack: string; device: Device; pictures: readonly Uint8Array[] }
  /** `first`: the picture to begin with. */
  | { type: 'run'; ms: number; first: number };

export type FromTrial =
  | { type: 'open' }
  /** Milliseconds of an image, the mean over the pictures. */
  | { type: 'ran'; ms: number }
  | { type: 'failed'; reason: string };

/**
 * Runs a device in processes of their own, because a broken driver may end them or never answer. Takes 32 s at most, and 10 s to look for its
 * libraries.
 * @returns what it did, or why it cannot be used
 */
export async function tryDevice(
  { pack, device, engines, pictures }: TrialOptions,
  openingMs = OPENING_MS,
): Promise<Throughput | string> {
  const gap = await missing(device);
  if (gap) return gap;
  using processes = new TrialProcesses(engines);
  const opening = await processes.ask(() => ({ type: 'open', pack, device, pictures }), openingMs);
  const refused = opening.find((answer) => answer.type === 'failed');
  const open = processes.keep(opening);
  if (open === 0) return refused!.reason;
  const runs = await processes.ask((i) => ({ type: 'run', ms: MEASURED_MS, first: i }), MEASURED_MS + RUN_MS);
  const failed = runs.find((answer) => answer.type === 'failed');
  if (failed) return failed.reason;
  const rate = runs.reduce((sum, answer) => sum + (answer.type === 'ran' ? 1000 / answer.ms : 0), 0);
  return { engines: open, rate };
}

/** The processes of a trial. Disposing kills them. */
class TrialProcesses implements Disposable {
  #running: { child: ChildProcess; ended: Promise<FromTrial> }[];

  constructor(count: number) {
    const script = fileURLToPath(new URL('./trial-process.ts', import.meta.url));
    this.#running = Array.from({ length: count }, () => {
      const child = fork(script, [], { serialization: 'advanced', stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
      const ended = new Promise<FromTrial>((resolve) => {
        const end = () => resolve({ type: 'failed', reason: 'its driver ended the process' });
        child.once('exit', end);
        // A message to a process that has ended causes this.
        child.on('error', end);
      });
      return { child, ended };
    });
  }

  /** Sends each process a message, by its number, and waits for all answers. */
  async ask(message: (i: number) => ToTrial, limitMs: number): Promise<FromTrial[]> {
    const late = Promise.withResolvers<FromTrial>();
    const reason = `no answer within ${limitMs / 1000} s`;
    const timer = startTimer(limitMs, () => late.resolve({ type: 'failed', reason }));
    const answers = this.#running.map(({ child, ended }, i) => {
      const answer = new Promise<FromTrial>((resolve) => void child.once('message', resolve));
      child.send(message(i));
      return Promise.race([answer, ended, late.promise]);
    });
    try {
      return await Promise.all(answers);
    } finally {
      timer.clear();
    }
  }

  /** Kills the processes that failed. @returns how many are left */
  keep(answers: readonly FromTrial[]): number {
    const failed = (i: number) => answers[i]!.type === 'failed';
    for (const [i, { child }] of this.#running.entries()) if (failed(i)) child.kill('SIGKILL');
    this.#running = this.#running.filter((_, i) => !failed(i));
    return this.#running.length;
  }

  [Symbol.dispose](): void {
    for (const { child } of this.#running) child.kill('SIGKILL');
  }
}
