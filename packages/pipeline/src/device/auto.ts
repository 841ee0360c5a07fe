/** `DEVICE=auto`: the device that gets most images a second out of this machine. */
import { execFile } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Device, missing } from './choose.ts';
import type { Probe } from './probe.ts';

/** A device that was tried: what it is worth, or why it is out of the question. */
export interface Trial {
  readonly device: Device;
  readonly result: Probe | string;
}

export interface Choice {
  readonly device: Device;
  /** Why, in a sentence for the log. */
  readonly reason: string;
}

/**
 * Picks from what was tried. A GPU serves one process, the CPU one process a core, so the CPU's time is divided by
 * the cores.
 */
export function decide(trials: readonly Trial[], cores: number): Choice {
  const usable = trials.flatMap(({ device, result }) => {
    if (typeof result === 'string' || result.onDevice < 1) return [];
    return [{ device, ms: device === 'cpu' ? result.ms / cores : result.ms }];
  });
  const best = usable.toSorted((a, b) => a.ms - b.ms)[0];
  const told = trials.map(({ device, result }) => {
    if (typeof result === 'string') return `${device}: ${result}`;
    if (result.onDevice < 1) return `${device}: takes only part of the model`;
    return `${device}: ${result.ms.toFixed(1)} ms an image${device === 'cpu' ? ` on each of ${cores} cores` : ''}`;
  });
  return { device: best?.device ?? 'cpu', reason: told.join('; ') };
}

/** Opening a GPU and two batches take a second or two; a software renderer takes minutes. */
const DEADLINE_MS = 20_000;

/**
 * Tries what this machine may have.
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
 * @returns what it is worth, or why it is out of the question
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

/** Linux shows a GPU as a device node, also inside containers; elsewhere one is taken for granted and tried. */
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
