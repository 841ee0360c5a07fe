import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

export const DEVICES = ['auto', 'cpu', 'webgpu', 'cuda', 'tensorrt'] as const;
/** What may be asked for. */
export type DeviceChoice = (typeof DEVICES)[number];
/** What runs. */
export type Device = Exclude<DeviceChoice, 'auto'>;

/** A device asked for by name that is not there. Seen by the operator at start-up. */
export class DeviceError extends Error {
  override readonly name = 'DeviceError';
}

/** Libraries onnxruntime loads for a device; asking for one whose library is missing can end the process. */
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
 * Says why a device cannot be asked for, without asking: null when it may be tried. WebGPU is part of the package, so
 * only opening a session tells whether there is a driver.
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
