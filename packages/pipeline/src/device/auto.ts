/** `DEVICE=auto`: the device with the highest throughput on this machine. */
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Device, missing } from './choose.ts';
import type { Probe } from './probe.ts';

/** A device that was tried: its measurements, or why it cannot be used. */
export interface Trial {
  readonly device: Device;
  readonly result: Probe | string;
}

export interface Choice {
  readonly device: Device;
  /** Why, for the log. */
  readonly reason: string;
}

/**
 * Chooses among the trials. A GPU serves one process, the CPU one process per core, so the CPU's time is divided by the
 * number of cores.
 */
export function decide(trials: readonly Trial[], cores: number): Choice {
  const usable = trials.flatMap(({ device, result }) => {
    if (typeof result === 'string' || result.onDevice < 1) return [];
    return [{ device, ms: device === 'cpu' ? result.ms / cores : result.ms }];
  });
  const best = usable.toSorted((a, b) => a.ms - b.ms)[0];
  const reasons = trials.map(({ device, result }) => {
    if (typeof result === 'string') return `${device}: ${result}`;
    if (result.onDevice < 1) return `${device}: takes only part of the model`;
    return `${device}: ${result.ms.toFixed(1)} ms an image${device === 'cpu' ? ` on each of ${cores} cores` : ''}`;
  });
  return { device: best?.device ?? 'cpu', reason: reasons.join('; ') };
}

/** A GPU opens and runs two batches in a second or two; a software renderer takes minutes. */
const DEADLINE_MS = 20_000;

/**
 * Tries each device that this machine may have.
 * @param detector path of the pack's detector
 */
export async function chooseDevice(detector: string): Promise<Choice> {
  if (!graphicsNodes()) return { device: 'cpu', reason: 'no GPU is visible to this machine or container' };
  const trials: Trial[] = [];
  for (const device of ['cuda', 'webgpu', 'cpu'] as const)
    trials.push({ device, result: await tryDevice(detector, device) });
  return decide(trials, availableParallelism());
}

/**
 * Probes a device in a process of its own.
 * @returns its measurements, or why it cannot be used
 */
export async function tryDevice(detector: string, device: Device, deadlineMs = DEADLINE_MS): Promise<Probe | string> {
  const gap = missing(device);
  if (gap) return gap;
  const script = fileURLToPath(new URL('./probe-process.ts', import.meta.url));
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [script, detector, device], {
      timeout: deadlineMs,
    });
    const answer = JSON.parse(stdout) as Probe | { failure: string };
    return 'failure' in answer ? answer.failure : answer;
  } catch (error) {
    const { killed } = error as { killed?: boolean };
    return killed ? `no answer within ${deadlineMs / 1000} s` : 'its driver ended the process';
  }
}

/** Linux shows a GPU as a device node, also inside containers. Other systems are assumed to have one, which is then tried. */
function graphicsNodes(): boolean {
  if (process.platform !== 'linux') return true;
  const nodes = (folder: string) => {
    try {
      return readdirSync(folder);
    } catch {
      return [];
    }
  };
  return (
    nodes('/dev').some((name) => /^(nvidia\d+|dxg)$/.test(name)) ||
    nodes('/dev/dri').some((name) => name.startsWith('renderD'))
  );
}
