/** The free memory of GPUs, as the tools and files of their drivers report it. */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Device, partsOf } from '@facequeue/pipeline/device';

/** A GPU as nvidia-smi lists it. */
export interface NvidiaGpu {
  index: number;
  uuid: string;
  /** Free bytes; null where nvidia-smi does not report them, because the GPU is divided (MIG). */
  free: number | null;
}

/** nvidia-smi takes a second, and several on a machine with many GPUs whose driver has to wake up first, ms. */
const NVIDIA_SMI_MS = 10_000;

/**
 * The free memory of a device with a GPU, bytes; null where no tool reports it.
 * @param visible CUDA_VISIBLE_DEVICES of the engines
 */
export async function freeDeviceMemory(device: Device, visible: string | undefined): Promise<number | null> {
  const nvidia = await nvidiaGpus();
  if (nvidia.length > 0) return freeOn(nvidia, device, visible);
  return partsOf(device).provider === 'webgpu' ? freeOnAmd() : null;
}

async function nvidiaGpus(): Promise<NvidiaGpu[]> {
  const query = ['--query-gpu=index,uuid,memory.free', '--format=csv,noheader,nounits'];
  const { stdout } = await promisify(execFile)('nvidia-smi', query, { timeout: NVIDIA_SMI_MS }).catch(() => ({
    stdout: '',
  }));
  return readGpus(stdout);
}

/** GPUs from lines such as `0, GPU-5c…, 81038`, in MiB. */
export function readGpus(lines: string): NvidiaGpu[] {
  return [...lines.matchAll(/^(\d+), ([^,\n]+), (.+)$/gm)].map(([, index, uuid, free]) => ({
    index: Number(index),
    uuid: uuid!,
    free: /^\d+$/.test(free!) ? Number(free) * 1024 ** 2 : null,
  }));
}

/**
 * The free memory of a device, bytes; null when it is not known. Where the device may be any of several GPUs, that of the one with the least.
 * @param visible CUDA_VISIBLE_DEVICES: numbers or beginnings of UUIDs, in CUDA's sequence
 */
export function freeOn(gpus: readonly NvidiaGpu[], device: Device, visible: string | undefined): number | null {
  const { provider, index } = partsOf(device);
  const names = provider === 'webgpu' || !visible ? null : visible.split(',');
  const candidates = names ? names.map((name) => find(gpus, name.trim())) : gpus;
  const chosen = index === null ? candidates : [candidates[index]];
  const free = chosen.map((gpu) => gpu?.free ?? null);
  return free.includes(null) || free.length === 0 ? null : Math.min(...(free as number[]));
}

function find(gpus: readonly NvidiaGpu[], name: string): NvidiaGpu | undefined {
  return gpus.find(({ index, uuid }) => (/^\d+$/.test(name) ? index === Number(name) : uuid.startsWith(name)));
}

/** The least free memory of AMD's GPUs, bytes, as their driver reports it in files; null without one. @param cards where the files are */
export function freeOnAmd(cards = '/sys/class/drm'): number | null {
  const read = (card: string, file: string) => Number(readFileSync(join(cards, card, 'device', file), 'utf8'));
  const free = foldersOf(cards).flatMap((card) => {
    try {
      return [read(card, 'mem_info_vram_total') - read(card, 'mem_info_vram_used')];
    } catch {
      return [];
    }
  });
  return free.length > 0 ? Math.min(...free) : null;
}

function foldersOf(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => /^card\d+$/.test(name));
  } catch {
    return [];
  }
}
