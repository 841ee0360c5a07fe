import { describe, expect, it } from 'vitest';
import { DEFAULT_PACK, loadPack } from '../pack/load.ts';
import { failureText, probe } from './probe.ts';

describe('probe', () => {
  it('finds every convolution on the CPU when the device is the CPU', async () => {
    const pack = await loadPack(DEFAULT_PACK);
    const { ms, onDevice } = await probe(pack.file('detector'), 'cpu');
    expect(onDevice).toBe(1);
    expect(ms).toBeGreaterThan(0);
  });

  it('reports a driver’s failure without source code locations', () => {
    const raw =
      '/onnxruntime_src/onnxruntime/core/providers/webgpu/webgpu_context.cc:136 onnxruntime::webgpu::f() adapter_result.status == wgpu::RequestAdapterStatus::Success was false. Failed to get a WebGPU adapter: No supported adapters\n';
    expect(failureText(new Error(raw))).toBe('Failed to get a WebGPU adapter: No supported adapters');
  });
});
