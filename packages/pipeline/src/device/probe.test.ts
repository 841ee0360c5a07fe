import { describe, expect, it } from 'vitest';
import { DEFAULT_PACK, loadPack } from '../pack/load.ts';
import { failureText, shareOnDevice } from './probe.ts';

describe('probe', () => {
  it('finds every convolution on the CPU when the device is the CPU', async () => {
    const pack = await loadPack(DEFAULT_PACK);
    expect(await shareOnDevice(pack.file('detector'), 'cpu')).toBe(1);
  });

  it('reports a driver’s failure without source code locations', () => {
    const raw =
      '/onnxruntime_src/onnxruntime/core/providers/webgpu/webgpu_context.cc:136 onnxruntime::webgpu::f() adapter_result.status == wgpu::RequestAdapterStatus::Success was false. Failed to get a WebGPU adapter: No supported adapters\n';
    expect(failureText(new Error(raw))).toBe('Failed to get a WebGPU adapter: No supported adapters');
  });

  it('reports what CUDA says, and which library is missing that only a run needs', () => {
    const where = '/onnxruntime_src/onnxruntime/core/providers/cuda/';
    const ordinal = `${where}cuda_call.cc:129 void onnxruntime::CudaCall() CUDA failure 101: invalid device ordinal ; GPU=-1 ; hostname=a ; file=${where}cuda_execution_provider.cc ; line=1 ; expr=cudaSetDevice(info_.device_id); \n`;
    expect(failureText(new Error(ordinal))).toBe('CUDA failure 101: invalid device ordinal');
    const cudnn = 'cuDNN is not available. Install cuDNN, update the system library search path, or set enable_cudnn=0';
    expect(failureText(new Error(cudnn))).toBe('libcudnn.so.9 cannot be loaded: install cuDNN 9 (docs/gpu.md)');
  });
});
