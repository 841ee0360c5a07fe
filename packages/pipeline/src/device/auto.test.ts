import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { DEFAULT_PACK, loadPack } from '../pack/load.ts';
import { chooseDevice, decide, tryDevice } from './auto.ts';

/** Device nodes, and what a probe's process answers, on a machine with a GPU; null for what is really there. */
const machine = vi.hoisted(() => ({
  nodes: null as Record<string, string[]> | null,
  answer: null as ((args: string[], options: { timeout: number }) => object) | null,
}));

vi.mock('node:fs', async (original) => {
  const real = await original<typeof import('node:fs')>();
  const listed = (folder: string) => {
    if (!machine.nodes) return real.readdirSync(folder);
    const names = machine.nodes[folder];
    if (!names) throw new Error('no such folder');
    return names;
  };
  return { ...real, readdirSync: listed };
});

vi.mock('node:child_process', async (original) => {
  const { promisify } = await import('node:util');
  const real = await original<typeof import('node:child_process')>();
  const run = promisify(real.execFile);
  const runFile = async (file: string, args: string[], options: { timeout: number }) =>
    machine.answer ? { stdout: JSON.stringify(machine.answer(args, options)) } : run(file, args, options);
  return { ...real, execFile: Object.assign(() => {}, { [promisify.custom]: runFile }) };
});

beforeEach(() => Object.assign(machine, { nodes: null, answer: null }));

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

  it('survives a driver that ends the process which tries a device', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'facequeue-auto-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const driver = join(folder, 'driver.cjs');
    await writeFile(driver, "process.kill(process.pid, 'SIGSEGV');");
    vi.stubEnv('NODE_OPTIONS', `--require=${driver}`);
    onTestFinished(() => void vi.unstubAllEnvs());
    expect(await tryDevice('model.onnx', 'cpu')).toBe('its driver ended the process');
  });

  it.each([
    ['/dev', 'nvidia0'],
    ['/dev', 'dxg'],
    ['/dev/dri', 'renderD128'],
  ])('tries each device, for 20 s at most, where there is %s/%s', async (folder, node) => {
    machine.nodes = { '/dev': ['null'], [folder]: ['null', node] };
    const tried: unknown[] = [];
    machine.answer = ([, detector, device], { timeout }) => {
      tried.push([detector, device, timeout]);
      return { ms: device === 'webgpu' ? 0.001 : 8, onDevice: 1 };
    };
    const { device, reason } = await chooseDevice('model.onnx');
    expect(device).toBe('webgpu');
    expect(reason).toContain('cuda: ');
    expect(reason).toContain(`on each of ${availableParallelism()} cores`);
    // CUDA is tried where its library is installed.
    expect(tried.slice(-2)).toEqual([
      ['model.onnx', 'webgpu', 20_000],
      ['model.onnx', 'cpu', 20_000],
    ]);
  });

  it.each([
    ['/dev', 'nvidiactl'],
    ['/dev', 'nvidia-uvm'],
    ['/dev/dri', 'card0'],
  ])('tries no device where there is only %s/%s', async (folder, node) => {
    machine.nodes = { [folder]: [node] };
    machine.answer = () => expect.unreachable();
    expect(await chooseDevice('model.onnx')).toEqual({
      device: 'cpu',
      reason: 'no GPU is visible to this machine or container',
    });
  });
});
