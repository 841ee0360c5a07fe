/**
 * Measures a device by running the model: whether it is available, whether the work really runs on it, and how fast it is.
 */
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Device } from './choose.ts';
import { type Arrays, openSession } from './session.ts';

/** Providers by the names onnxruntime gives them in a profile. */
const PROVIDERS: Record<Device, readonly string[]> = {
  cpu: ['CPUExecutionProvider'],
  webgpu: ['WebGpuExecutionProvider'],
  cuda: ['CUDAExecutionProvider'],
  tensorrt: ['TensorrtExecutionProvider', 'CUDAExecutionProvider'],
};

export interface Probe {
  /** Milliseconds per 640 x 384 image, in batches of the usual size for the device; the second run of two. */
  readonly ms: number;
  /** Share of the convolutions that ran on the device itself, 0..1. */
  readonly onDevice: number;
}

function blank(images: number, width: number, height: number): Arrays {
  return {
    images: { data: new Uint8Array(images * width * height * 3).fill(128), dims: [images, height, width, 3] },
    size: { data: BigInt64Array.of(BigInt(height), BigInt(width)), dims: [2] },
  };
}

/**
 * Runs the detector on a device.
 * @param detector path of a pack's detector
 * @throws Error by onnxruntime when the device is not available
 */
export async function probe(detector: string, device: Device): Promise<Probe> {
  const onDevice = await shareOnDevice(detector, device);
  const session = await openSession(detector, { device, threads: 1 });
  try {
    const images = device === 'cpu' ? 1 : 8;
    await session.run(blank(images, 640, 384));
    const start = performance.now();
    await session.run(blank(images, 640, 384));
    return { ms: (performance.now() - start) / images, onDevice };
  } finally {
    await session.close();
  }
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
      await session.run(blank(1, 64, 64));
    } finally {
      await session.close();
    }
    const [file] = await readdir(folder);
    return convolutionShare(JSON.parse(await readFile(join(folder, file!), 'utf8')), PROVIDERS[device]);
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
  const [first = ''] = text.replace(/^\/onnxruntime_src.* was false\. /s, '').split('\n');
  return first.trim() || 'it gave no reason';
}
