/** Finds out why a device cannot be used without opening it: opening one whose library is missing can end the process. */
import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type Device, partsOf } from './names.ts';

/** Libraries that onnxruntime loads for a device; TensorRT needs CUDA's, too. */
const PROVIDER_LIBRARIES = {
  cuda: ['libonnxruntime_providers_cuda.so'],
  tensorrt: ['libonnxruntime_providers_tensorrt.so', 'libonnxruntime_providers_cuda.so'],
} as const;

/** Where a machine is searched. */
interface Folders {
  /** onnxruntime-node's native libraries. */
  libraries?: string;
  /** Device files. */
  devices?: string;
}

/**
 * Why a device cannot be opened; null when it may be tried. WebGPU is part of the package, so only opening a session shows whether there
 * is a driver.
 */
export async function missing(
  device: Device,
  { libraries = nativeFolder(), devices = '/dev' }: Folders = {},
): Promise<string | null> {
  const { provider, index } = partsOf(device);
  if (provider !== 'cuda' && provider !== 'tensorrt') return null;
  for (const library of PROVIDER_LIBRARIES[provider]) {
    if (!existsSync(join(libraries, library)))
      return `onnxruntime-node has no ${library}; install it with npm rebuild onnxruntime-node on a machine that can reach its CUDA download`;
    const needed = await unresolved(join(libraries, library));
    if (needed.length > 0) return `${library} needs ${needed.join(', ')}: ${remedy(needed)}`;
  }
  return noSuchGpu(index, devices);
}

/** Folder of onnxruntime-node's native libraries for this platform. */
function nativeFolder(): string {
  const main = createRequire(import.meta.url).resolve('onnxruntime-node');
  return join(dirname(main), '..', 'bin', 'napi-v6', process.platform, process.arch);
}

/**
 * What the dynamic linker does not find of the libraries that a library needs, and of theirs. onnxruntime's own error is only "Failed to
 * load shared library". Nothing where `ldd` is missing; then opening the device fails with that.
 */
async function unresolved(library: string): Promise<string[]> {
  const run = promisify(execFile)('ldd', [library], { timeout: 10_000 });
  const { stdout } = await run.catch((error: { stdout?: string }) => ({ stdout: error.stdout ?? '' }));
  return [...new Set([...stdout.matchAll(/^\s*(\S+) => not found$/gm)].map(([, name]) => name!))];
}

/** What installs the libraries. docs/gpu.md has the versions. */
function remedy(libraries: readonly string[]): string {
  const DRIVER = 'libcuda.so.1';
  const parts = {
    'the NVIDIA driver': libraries.includes(DRIVER),
    'CUDA 13': libraries.some((name) => /^lib(cublas|cublasLt|cudart|curand|cufft|nvrtc)\.so/.test(name)),
    'cuDNN 9': libraries.some((name) => name.startsWith('libcudnn')),
    'TensorRT 10': libraries.some((name) => /^libnv(infer|onnxparser)/.test(name)),
  };
  const named = Object.entries(parts).flatMap(([name, lacks]) => (lacks ? [name] : []));
  return named.length > 0 ? `install ${named.join(', ')} (docs/gpu.md)` : 'install what they belong to';
}

/** Why there is no GPU of this number; null when there is, or when device files do not tell (WSL). */
function noSuchGpu(index: number | null, folder: string): string | null {
  const count = existsSync(folder) ? readdirSync(folder).filter((name) => /^nvidia\d+$/.test(name)).length : 0;
  if (index === null || count === 0 || index < count) return null;
  return `there is no GPU ${index}: this machine or container has ${count}, numbered from 0`;
}
