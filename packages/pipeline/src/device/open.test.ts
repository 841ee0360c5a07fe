import { describe, expect, it } from 'vitest';
import { createPipeline } from '../pipeline.ts';
import { missing } from './missing.ts';
import { DeviceError } from './names.ts';

describe('device', () => {
  it('chosen by name and not available is an error, never a run on the CPU', async ({ skip }) => {
    skip((await missing('cuda')) === null, 'this machine has CUDA');
    for (const device of ['cuda', 'cuda:1', 'tensorrt'] as const) {
      const opening = createPipeline({ device });
      await expect(opening).rejects.toBeInstanceOf(DeviceError);
      await expect(opening).rejects.toThrow(`DEVICE=${device} cannot be used`);
    }
  });

  it('chosen by auto is reported with a reason', async () => {
    await using pipeline = await createPipeline({ device: 'auto' });
    expect(pipeline.device).not.toBe('auto');
    expect(pipeline.deviceReason).not.toBe('');
  });
});
