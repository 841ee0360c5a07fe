import { describe, expect, it } from 'vitest';
import { engineCount } from './engine-count.ts';

const GB = 1024 ** 3;
const PLENTY = { cores: 16, memory: 1024 * GB, deviceMemory: 1024 * GB };

describe('ENGINES=auto', () => {
  it.each(['cpu', 'webgpu', 'cuda', 'cuda:1', 'tensorrt'] as const)('is one engine for each core on %s', (device) => {
    expect(engineCount('auto', device, PLENTY)).toEqual({ engines: 16, limitedBy: 'cores' });
  });

  it('is as many as have memory: 384 MB on a CPU, 1 GB beside a GPU, after 256 MB for the worker', () => {
    const has = (gb: number) => ({ ...PLENTY, memory: gb * GB });
    expect(engineCount('auto', 'cpu', has(4))).toEqual({ engines: 10, limitedBy: 'memory' });
    expect(engineCount('auto', 'webgpu', has(4))).toEqual({ engines: 3, limitedBy: 'memory' });
    // Two cores and 1 GB, the smallest of common machines, have one engine for each core.
    expect(engineCount('auto', 'cpu', { ...has(1), cores: 2 }).engines).toBe(2);
  });

  it('is as many as have 2 GB of a GPU’s free memory, whatever else there is', () => {
    const free = (gb: number | null) => ({ ...PLENTY, deviceMemory: gb && gb * GB });
    expect(engineCount('auto', 'cuda', free(8))).toEqual({ engines: 4, limitedBy: 'device memory' });
    expect(engineCount('auto', 'webgpu', free(23.9)).engines).toBe(11);
    expect(engineCount('auto', 'cpu', free(8)).engines).toBe(16);
  });

  it('is four on a GPU of unknown memory, and fewer where there are fewer cores', () => {
    const unknown = { ...PLENTY, deviceMemory: null };
    expect(engineCount('auto', 'webgpu', unknown)).toEqual({ engines: 4, limitedBy: 'device memory' });
    expect(engineCount('auto', 'webgpu', { ...unknown, cores: 2 })).toEqual({ engines: 2, limitedBy: 'cores' });
  });

  it('is one where there is too little of everything', () => {
    const nothing = { cores: 1, memory: 0, deviceMemory: 0 };
    for (const device of ['cpu', 'cuda'] as const) expect(engineCount('auto', device, nothing).engines).toBe(1);
  });
});

it('a number of ENGINES is taken as it is', () => {
  for (const device of ['cpu', 'cuda'] as const)
    expect(engineCount(40, device, { cores: 1, memory: 0, deviceMemory: 0 })).toEqual({
      engines: 40,
      limitedBy: 'ENGINES',
    });
});
