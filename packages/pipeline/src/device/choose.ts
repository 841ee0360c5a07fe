import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

export const DEVICES = ['auto', 'cpu', 'webgpu', 'cuda', 'tensorrt'] as const;
/** A value of the setting. */
export type DeviceChoice = (typeof DEVICES)[number];
/** A device that models run on. */
export type Device = Exclude<DeviceChoice, 'auto'>;

/** A device chosen by name is not available. Operators see it at start-up. */
export class DeviceError extends Error {
  override readonly name = 'DeviceError';
}

/** Libraries that onnxruntime loads for a device. Opening a device whose library is missing can end the process. */
const PROVIDER_LIBRARIES = {
  cuda: 'libonnxruntime_providers_cuda.so',
  tensorrt: 'libonnxruntime_providers_tensorrt.so',
} as const;

/** Folder of onnxruntime-node's native libraries for this platform. */
function nativeFolder(): string {
  const main = createRequire(import.meta.url).resolve('onnxruntime-node');
  return join(dirname(main), '..', 'bin', 'napi-v6', process.platform, process.arch);
}

/**
 * Why a device cannot be opened, without opening it; null when it may be tried. WebGPU is part of the package, so only
 * opening a session shows whether there is a driver.
 */
export function missing(device: Device, folder: string = nativeFolder()): string | null {
  if (device !== 'cuda' && device !== 'tensorrt') return null;
  for (const needed of device === 'tensorrt' ? (['tensorrt', 'cuda'] as const) : (['cuda'] as const)) {
    const library = PROVIDER_LIBRARIES[needed];
    if (!existsSync(join(folder, library)))
      return `onnxruntime-node has no ${library}; install it with npm rebuild onnxruntime-node on a machine that can reach its CUDA download`;
  }
  return null;
}
