import { describe, expect, it } from 'vitest';
import { DEFAULT_PACK, loadPack } from '../pack/load.ts';
import { decide, tryDevice } from './auto.ts';

const cpu = { device: 'cpu', result: { ms: 8, onDevice: 1 } } as const;

describe('DEVICE=auto', () => {
  it('chooses a GPU that is faster than all cores together', () => {
    expect(decide([{ device: 'webgpu', result: { ms: 1.5, onDevice: 1 } }, cpu], 4)).toEqual({
      device: 'webgpu',
      reason: 'webgpu: 1.5 ms an image; cpu: 8.0 ms an image on each of 4 cores',
    });
  });

  it('stays on the CPU when its cores are faster', () => {
    expect(decide([{ device: 'webgpu', result: { ms: 1.5, onDevice: 1 } }, cpu], 8).device).toBe('cpu');
    expect(decide([{ device: 'webgpu', result: { ms: 700, onDevice: 1 } }, cpu], 1).device).toBe('cpu');
  });

  it('never chooses a device that leaves work to the CPU', () => {
    const choice = decide([{ device: 'cuda', result: { ms: 0.1, onDevice: 0.4 } }, cpu], 1);
    expect(choice).toEqual({
      device: 'cpu',
      reason: 'cuda: takes only part of the model; cpu: 8.0 ms an image on each of 1 cores',
    });
  });

  it('gives the reason why a device cannot be used', () => {
    expect(decide([{ device: 'webgpu', result: 'no adapter' }, cpu], 2).reason).toContain('webgpu: no adapter');
  });

  it('tries a device in a separate process, which may fail, crash or hang without harm', async () => {
    const detector = (await loadPack(DEFAULT_PACK)).file('detector');
    expect(await tryDevice(detector, 'cpu')).toEqual({ ms: expect.any(Number), onDevice: 1 });
    expect(await tryDevice('/nowhere/model.onnx', 'cpu')).toMatch(/model\.onnx/);
    expect(await tryDevice(detector, 'cpu', 1)).toBe('no answer within 0.001 s');
  });
});
