/** How many engines a worker runs. */
import type { Device } from '@facequeue/pipeline/device';

/** What the engines of a worker share. */
export interface Resources {
  /** CPU cores, of a container those of its quota. */
  readonly cores: number;
  /** Bytes that the machine has, or the container may have. */
  readonly memory: number;
  /** Bytes that are free on the GPU; null where no tool tells. */
  readonly deviceMemory: number | null;
}

export interface EngineCount {
  readonly engines: number;
  readonly limitedBy: 'ENGINES' | 'cores' | 'memory' | 'device memory';
}

const MB = 1024 ** 2;
/** The worker itself: 150 MB, and the images that are on their way. */
const WORKER_BYTES = 256 * MB;
/** An engine between images: 300 MB after pictures of 2 megapixels, 330 to 370 after the largest (docs/performance.md). */
const CPU_ENGINE_BYTES = 384 * MB;
/** With a GPU, its driver takes memory, too: 600 MB in all with a software driver. */
const GPU_ENGINE_BYTES = 1024 * MB;
/**
 * Device memory of an engine. An estimate: the driver's part, about half a gigabyte, and the largest pass, which takes up to half a gigabyte
 * on a CPU and is rounded up to the next power of two on a GPU.
 */
const ENGINE_DEVICE_BYTES = 2048 * MB;
/** Engines on a GPU whose memory is not known; 8 GB is what most have. */
const MOST_ON_UNKNOWN_GPU = 4;

/**
 * How many engines a worker runs. `auto`: one for each core, as far as memory allows. An engine on a GPU takes a core, too: it decodes and
 * scales images and cuts crops itself, and blocks while the GPU works.
 * @param setting ENGINES
 */
export function engineCount(setting: number | 'auto', device: Device, resources: Resources): EngineCount {
  if (setting !== 'auto') return { engines: setting, limitedBy: 'ENGINES' };
  const { cores, memory, deviceMemory } = resources;
  const onGpu = device !== 'cpu';
  const limits = {
    cores,
    memory: Math.floor((memory - WORKER_BYTES) / (onGpu ? GPU_ENGINE_BYTES : CPU_ENGINE_BYTES)),
    'device memory': onGpu ? enginesOnGpu(deviceMemory) : Number.POSITIVE_INFINITY,
  };
  const [limitedBy, most] = (Object.entries(limits) as [EngineCount['limitedBy'], number][]).reduce((a, b) =>
    b[1] < a[1] ? b : a,
  );
  return { engines: Math.max(1, most), limitedBy };
}

function enginesOnGpu(free: number | null): number {
  return free === null ? MOST_ON_UNKNOWN_GPU : Math.floor(free / ENGINE_DEVICE_BYTES);
}
