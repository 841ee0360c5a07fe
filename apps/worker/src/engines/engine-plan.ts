/** On which device the engines of a worker run, and how many there are. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Choice, EngineCounts } from '@facequeue/pipeline';
import { type Device, type DeviceChoice, gpuIsVisible, NO_GPU, partsOf } from '@facequeue/pipeline/device';
import type { EngineProgram } from './engine.ts';
import { type EngineCount, engineCount } from './engine-count.ts';
import { measureResources } from './resources.ts';

export interface EnginePlan extends EngineCount {
  readonly device: Device;
  /** Why this device, for the log. */
  readonly reason: string;
}

/** What `choose-device.ts` compares. */
export interface Comparison {
  packPath: string;
  engines: EngineCounts;
}

/** More than `chooseDevice` takes at most for two GPU providers and the CPU, ms. */
const COMPARISON_MS = 120_000;

/**
 * Chooses the device, by a comparison where DEVICE is `auto` and there may be a GPU, and the number of engines.
 * @param packPath manifest of the pack that the engines will run
 * @param program how engines are started: devices are compared in the same sandbox and environment
 * @param software whether the environment names a Vulkan driver, so that there may be a GPU without a device file
 */
export async function planEngines(
  { DEVICE, ENGINES }: { DEVICE: DeviceChoice; ENGINES: number | 'auto' },
  packPath: string,
  program: Pick<EngineProgram, 'env' | 'launcher' | 'cwd'>,
  software: boolean,
): Promise<EnginePlan> {
  const countOn = async (device: Device) =>
    engineCount(ENGINES, device, await measureResources(device, program.env['CUDA_VISIBLE_DEVICES']));
  if (DEVICE !== 'auto') return { device: DEVICE, reason: 'set by DEVICE', ...(await countOn(DEVICE)) };
  const cpu = await countOn('cpu');
  if (!software && !gpuIsVisible()) return { device: 'cpu', reason: NO_GPU, ...cpu };
  const gpu = await countOn('webgpu');
  const choice = await compare({ packPath, engines: { cpu: cpu.engines, gpu: gpu.engines } }, program);
  const { limitedBy } = choice.device === 'cpu' ? cpu : gpu;
  return { ...choice, engines: ENGINES === 'auto' ? choice.engines : ENGINES, limitedBy };
}

async function compare(
  comparison: Comparison,
  { env, launcher, cwd }: Pick<EngineProgram, 'env' | 'launcher' | 'cwd'>,
): Promise<Choice> {
  const module = fileURLToPath(new URL('./choose-device.ts', import.meta.url));
  const args = [...launcher.execArgv, module, JSON.stringify(comparison)];
  const options = { env, cwd, timeout: COMPARISON_MS, killSignal: 'SIGKILL' } as const;
  const run = promisify(execFile)(launcher.execPath, args, options);
  // The process kills itself, so its output decides, not its exit status.
  const { stdout } = await run.catch((error: { stdout?: string }) => ({ stdout: error.stdout ?? '' }));
  if (stdout) return JSON.parse(stdout) as Choice;
  return { device: 'cpu', engines: comparison.engines.cpu, reason: 'the comparison of devices ended without a result' };
}

/**
 * What engines on a device need in their environment. Where a GPU is named by its number, CUDA must number GPUs as nvidia-smi does; by default
 * it begins with the fastest one.
 */
export function deviceEnvironment(device: Device): Record<string, string> {
  return partsOf(device).index === null ? {} : { CUDA_DEVICE_ORDER: 'PCI_BUS_ID' };
}
