/** Whether a device is available, and whether the work really runs on it. */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Device, type Provider, partsOf } from './names.ts';
import { type Arrays, openSession } from './session.ts';

/** Providers by the names onnxruntime gives them in a profile. */
const PROVIDER_NAMES: Record<Provider, readonly string[]> = {
  cpu: ['CPUExecutionProvider'],
  webgpu: ['WebGpuExecutionProvider'],
  cuda: ['CUDAExecutionProvider'],
  tensorrt: ['TensorrtExecutionProvider', 'CUDAExecutionProvider'],
};

/** A grey image of 64 x 64 px, as the detector takes it. */
function blank(): Arrays {
  return {
    images: { data: new Uint8Array(64 * 64 * 3).fill(128), dims: [1, 64, 64, 3] },
    size: { data: BigInt64Array.of(64n, 64n), dims: [2] },
  };
}

/**
 * The share of a detector's convolutions, its real work, that runs on the device, 0..1. A provider may silently leave nodes
 * to the CPU; only onnxruntime's profile shows it.
 * @throws Error by onnxruntime when the device is not available
 */
export async function shareOnDevice(detector: string, device: Device): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'facequeue-profile-'));
  try {
    const session = await openSession(detector, { device, threads: 1, profile: join(folder, 'run') });
    try {
      await session.run(blank());
    } finally {
      await session.close();
    }
    const [file] = await readdir(folder);
    return convolutionShare(
      JSON.parse(await readFile(join(folder, file!), 'utf8')),
      PROVIDER_NAMES[partsOf(device).provider],
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The part of an event in onnxruntime's profile that is read here. */
interface ProfileEvent {
  args?: { op_name?: string; provider?: string };
}

function convolutionShare(events: readonly ProfileEvent[], providers: readonly string[]): number {
  const ran = events.filter((event) => event.args?.provider && /conv/i.test(event.args.op_name ?? ''));
  const there = ran.filter((event) => providers.includes(event.args!.provider!));
  return ran.length === 0 ? 0 : there.length / ran.length;
}

/** onnxruntime's message when a device fails, without its source code locations. */
export function failureText(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  // The library that it loads when it runs, so that only this tells of it.
  if (/cuDNN (is not available|library was not found)/.test(text))
    return 'libcudnn.so.9 cannot be loaded: install cuDNN 9 (docs/gpu.md)';
  const [cuda] = /CUDA failure \d+: [^;\n]*/.exec(text) ?? [];
  const [first = ''] = text.replace(/^\/onnxruntime_src.* was false\. /s, '').split('\n');
  return (cuda ?? first).trim() || 'it gave no reason';
}
