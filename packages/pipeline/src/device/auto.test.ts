import { beforeEach, describe, expect, it, vi } from 'vitest';
import { chooseDevice, decide, type Trial } from './auto.ts';
import type { Throughput, TrialOptions } from './trial.ts';

/** A machine with a GPU: its device nodes, and what its devices do. */
const machine = vi.hoisted(() => ({
  nodes: {} as Record<string, string[]>,
  tried: [] as TrialOptions[],
  results: {} as Record<string, Throughput | string>,
}));

vi.mock('node:fs', async (original) => ({
  ...(await original<typeof import('node:fs')>()),
  readdirSync(folder: string) {
    const names = machine.nodes[folder];
    if (!names) throw new Error('no such folder');
    return names;
  },
}));

vi.mock('./trial.ts', () => ({
  tryDevice: async (options: TrialOptions) => {
    machine.tried.push(options);
    return machine.results[options.device];
  },
}));

// Made one time for all tests.
vi.mock('./trial-pictures.ts', async (original) => {
  const pictures = (await original<typeof import('./trial-pictures.ts')>()).trialPictures();
  return { trialPictures: () => pictures };
});

beforeEach(() => Object.assign(machine, { nodes: {}, tried: [], results: {} }));

const GPU = { '/dev': ['null', 'nvidia0'] };
const noCuda: Trial = { device: 'cuda', result: 'no library' };
const trial = (device: Trial['device'], rate: number, engines: number): Trial => ({
  device,
  result: { rate, engines },
});

describe('DEVICE=auto', () => {
  it('chooses a GPU whose engines are faster than those of the CPU together', () => {
    expect(decide([noCuda, trial('webgpu', 90.04, 4), trial('cpu', 80, 16)], 16)).toEqual({
      device: 'webgpu',
      engines: 4,
      reason:
        'webgpu is the fastest: cuda: no library; webgpu: 90.0 images/s with 4 engines; cpu: 80.0 images/s with 16 engines',
    });
  });

  it('chooses the faster one of two GPU providers', () => {
    expect(decide([trial('cuda', 100, 4), trial('webgpu', 90, 4), trial('cpu', 80, 16)], 16).device).toBe('cuda');
  });

  it('stays on the CPU when its engines are faster, and says so', () => {
    expect(decide([noCuda, trial('webgpu', 15, 1), trial('cpu', 22, 2)], 2)).toEqual({
      device: 'cpu',
      engines: 2,
      reason:
        'cpu is the fastest: cuda: no library; webgpu: 15.0 images/s with 1 engine; cpu: 22.0 images/s with 2 engines',
    });
  });

  it('stays on the CPU where no GPU can be used, and says why', () => {
    expect(decide([noCuda, { device: 'webgpu', result: 'no adapter' }], 3)).toEqual({
      device: 'cpu',
      engines: 3,
      reason: 'no GPU can be used: cuda: no library; webgpu: no adapter',
    });
  });

  it.each([
    ['/dev', 'nvidia0'],
    ['/dev', 'dxg'],
    ['/dev/dri', 'renderD128'],
  ])('tries each device with the engines it would get where there is %s/%s', async (folder, node) => {
    machine.nodes = { '/dev': ['null'], [folder]: ['null', node] };
    machine.results = { cuda: 'no library', webgpu: { rate: 9, engines: 3 }, cpu: { rate: 8, engines: 2 } };
    const choice = await chooseDevice('manifest.json', { cpu: 2, gpu: 3 });
    expect(choice).toMatchObject({ device: 'webgpu', engines: 3, reason: expect.stringContaining('cuda: no library') });
    expect(machine.tried.map(({ pack, device, engines }) => [pack, device, engines])).toEqual([
      ['manifest.json', 'cuda', 3],
      ['manifest.json', 'webgpu', 3],
      ['manifest.json', 'cpu', 2],
    ]);
    const sizes = new Set(machine.tried.map(({ pictures }) => pictures.length));
    expect([...sizes]).toEqual([4]);
  });

  it('does not try the CPU where no GPU can be used: nothing is to be compared', async () => {
    Object.assign(machine, { nodes: GPU, results: { cuda: 'no library', webgpu: 'no adapter' } });
    expect(await chooseDevice('manifest.json', { cpu: 2, gpu: 3 })).toMatchObject({ device: 'cpu', engines: 2 });
    expect(machine.tried.map(({ device }) => device)).toEqual(['cuda', 'webgpu']);
  });

  it.each([
    ['/dev', 'nvidiactl'],
    ['/dev', 'nvidia-uvm'],
    ['/dev/dri', 'card0'],
  ])('tries no device where there is only %s/%s', async (folder, node) => {
    machine.nodes = { [folder]: [node] };
    expect(await chooseDevice('manifest.json', { cpu: 2, gpu: 3 })).toEqual({
      device: 'cpu',
      engines: 2,
      reason: 'no GPU is visible to this machine or container',
    });
    expect(machine.tried).toEqual([]);
  });

  it('tries devices also where none is visible, when there may be one', async () => {
    machine.results = { cuda: 'no library', webgpu: 'no adapter' };
    await chooseDevice('manifest.json', { cpu: 2, gpu: 3 }, true);
    expect(machine.tried.map(({ device }) => device)).toEqual(['cuda', 'webgpu']);
  });
});
