/** `DEVICE=auto`: the device with the highest throughput on this machine. */
import { gpuIsVisible, NO_GPU } from './gpu-visible.ts';
import type { Device } from './names.ts';
import { type Throughput, tryDevice } from './trial.ts';
import { trialPictures } from './trial-pictures.ts';

/** A device that was tried: what it did, or why it cannot be used. */
export interface Trial {
  readonly device: Device;
  readonly result: Throughput | string;
}

export interface Choice {
  readonly device: Device;
  /** Engines that could be started on it. */
  readonly engines: number;
  /** Why, for the log. */
  readonly reason: string;
}

/** How many engines the service would run on a CPU, and how many on a GPU. */
export interface EngineCounts {
  readonly cpu: number;
  readonly gpu: number;
}

/**
 * Chooses among the trials.
 * @param cpuEngines those that the CPU gets when it was not tried, because no other device can be used
 */
export function decide(trials: readonly Trial[], cpuEngines: number): Choice {
  const usable = trials.flatMap(({ device, result }) => (typeof result === 'string' ? [] : [{ device, ...result }]));
  const best = usable.toSorted((a, b) => b.rate - a.rate)[0];
  const figures = trials.map(({ device, result }) => {
    if (typeof result === 'string') return `${device}: ${result}`;
    return `${device}: ${result.rate.toFixed(1)} images/s with ${result.engines} engine${result.engines === 1 ? '' : 's'}`;
  });
  const reason = `${best ? `${best.device} is the fastest` : 'no GPU can be used'}: ${figures.join('; ')}`;
  return { device: best?.device ?? 'cpu', engines: best?.engines ?? cpuEngines, reason };
}

/**
 * Tries each device that this machine may have, for half a minute each at most, and chooses the fastest.
 * @param pack path of the manifest
 * @param engines to try each device with
 * @param gpu whether there may be a GPU
 */
export async function chooseDevice(pack: string, engines: EngineCounts, gpu = gpuIsVisible()): Promise<Choice> {
  if (!gpu) return { device: 'cpu', engines: engines.cpu, reason: NO_GPU };
  const pictures = await trialPictures();
  const trials: Trial[] = [];
  for (const device of ['cuda', 'webgpu'] as const)
    trials.push({ device, result: await tryDevice({ pack, device, engines: engines.gpu, pictures }) });
  if (trials.some(({ result }) => typeof result !== 'string'))
    trials.push({ device: 'cpu', result: await tryDevice({ pack, device: 'cpu', engines: engines.cpu, pictures }) });
  return decide(trials, engines.cpu);
}
