import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createPipeline } from '../pipeline.ts';
import { DeviceError, missing } from './choose.ts';

describe('device', () => {
  it('chosen by name and not available is an error, never a run on the CPU', async ({ skip }) => {
    skip(missing('cuda') === null, 'this machine has CUDA');
    for (const device of ['cuda', 'tensorrt'] as const) {
      const opening = createPipeline({ device });
      await expect(opening).rejects.toBeInstanceOf(DeviceError);
      await expect(opening).rejects.toThrow(`DEVICE=${device} cannot be used`);
    }
  });

  it('is checked by its library before native code is called', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'facequeue-device-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    expect(missing('cuda', folder)).toContain('libonnxruntime_providers_cuda.so');
    await writeFile(join(folder, 'libonnxruntime_providers_cuda.so'), '');
    expect(missing('cuda', folder)).toBeNull();
    expect(missing('tensorrt', folder)).toContain('libonnxruntime_providers_tensorrt.so');
    expect(missing('cpu', folder)).toBeNull();
  });

  it('chosen by auto is reported with a reason', async () => {
    await using pipeline = await createPipeline({ device: 'auto' });
    expect(pipeline.device).not.toBe('auto');
    expect(pipeline.deviceReason).not.toBe('');
  });
});
