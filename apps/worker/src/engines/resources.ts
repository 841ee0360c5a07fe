/** What the machine or container has for engines. */
import { availableParallelism, totalmem } from 'node:os';
import type { Device } from '@facequeue/pipeline/device';
import type { Resources } from './engine-count.ts';
import { freeDeviceMemory } from './gpu-memory.ts';

/**
 * Measures what engines on a device share.
 * @param device whose memory counts
 * @param visible CUDA_VISIBLE_DEVICES of the engines
 */
export async function measureResources(device: Device, visible: string | undefined): Promise<Resources> {
  const constrained = process.constrainedMemory();
  return {
    // In a container with a CPU quota, the whole cores of the quota.
    cores: availableParallelism(),
    memory: constrained > 0 ? Math.min(constrained, totalmem()) : totalmem(),
    deviceMemory: device === 'cpu' ? null : await freeDeviceMemory(device, visible),
  };
}
