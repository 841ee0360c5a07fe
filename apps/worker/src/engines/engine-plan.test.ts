/** Where engines run and how many, with real processes that compare devices; there is no GPU. */
import { availableParallelism, tmpdir } from 'node:os';
import { DEFAULT_PACK } from '@facequeue/pipeline';
import { describe, expect, it } from 'vitest';
import { engineEnvironment } from '../config.ts';
import { deviceEnvironment, planEngines } from './engine-plan.ts';
import { engineLauncher } from './launcher.ts';

const program = { env: engineEnvironment(), launcher: engineLauncher(), cwd: tmpdir() };

describe('the engines of a worker', () => {
  it('run on the device that DEVICE names, as many as ENGINES says', async () => {
    expect(await planEngines({ DEVICE: 'cuda:1', ENGINES: 3 }, DEFAULT_PACK, program, false)).toEqual({
      device: 'cuda:1',
      engines: 3,
      reason: 'set by DEVICE',
      limitedBy: 'ENGINES',
    });
    expect(await planEngines({ DEVICE: 'cpu', ENGINES: 'auto' }, DEFAULT_PACK, program, false)).toEqual({
      device: 'cpu',
      engines: availableParallelism(),
      reason: 'set by DEVICE',
      limitedBy: 'cores',
    });
  });

  it('run on the CPU with auto where a driver is named but no GPU can be used, and the reason says why', async () => {
    const driver = '/nowhere/icd.json';
    const env = { ...program.env, VK_ICD_FILENAMES: driver, VK_DRIVER_FILES: driver, CUDA_VISIBLE_DEVICES: '' };
    const plan = await planEngines({ DEVICE: 'auto', ENGINES: 7 }, DEFAULT_PACK, { ...program, env }, true);
    expect(plan).toEqual({
      device: 'cpu',
      engines: 7,
      limitedBy: 'ENGINES',
      reason: expect.stringMatching(/^no GPU can be used: cuda: .+; webgpu: .*adapter/),
    });
  });

  it('are with auto as many as the comparison could start, unless ENGINES says how many', async () => {
    // Where there is no GPU, a process says what a comparison with one would.
    const choice = { device: 'webgpu', engines: 1, reason: 'webgpu is the fastest: …' };
    const launcher = { execPath: process.execPath, execArgv: ['-e', `console.log('${JSON.stringify(choice)}')`] };
    const plan = (ENGINES: number | 'auto') =>
      planEngines({ DEVICE: 'auto', ENGINES }, DEFAULT_PACK, { ...program, launcher }, true);
    expect(await plan('auto')).toMatchObject(choice);
    expect(await plan(7)).toMatchObject({ ...choice, engines: 7, limitedBy: 'ENGINES' });
  });

  it('run on the CPU when the comparison of devices ends without a result', async () => {
    const launcher = { execPath: process.execPath, execArgv: ['--no-such-option'] };
    expect(
      await planEngines({ DEVICE: 'auto', ENGINES: 'auto' }, DEFAULT_PACK, { ...program, launcher }, true),
    ).toMatchObject({
      device: 'cpu',
      engines: availableParallelism(),
      reason: expect.stringContaining('without a result'),
    });
  });
});

it('a GPU is numbered as nvidia-smi does where DEVICE names a number, and else as CUDA does', () => {
  for (const device of ['cuda:0', 'tensorrt:1'] as const)
    expect(deviceEnvironment(device)).toEqual({ CUDA_DEVICE_ORDER: 'PCI_BUS_ID' });
  for (const device of ['cpu', 'webgpu', 'cuda'] as const) expect(deviceEnvironment(device)).toEqual({});
});
