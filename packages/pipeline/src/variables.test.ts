import { readConfig } from '@facequeue/schema/config';
import { expect, it } from 'vitest';
import { DEFAULT_LIMITS } from './image/limits.ts';
import { imageLimits, pipelineVariables } from './variables.ts';

it('a pipeline has the default limits of the settings when it is given none', () => {
  expect(imageLimits(readConfig(pipelineVariables, {}))).toEqual(DEFAULT_LIMITS);
});

it('pixels may be given in megapixels', () => {
  for (const [text, pixels] of [
    ['16mp', 16e6],
    ['0.5MP', 500_000],
    ['16777216', 16_777_216],
  ] as const)
    expect(readConfig(pipelineVariables, { MAX_IMAGE_PIXELS: text }).MAX_IMAGE_PIXELS).toBe(pixels);
});

it('a device is a provider, and one of NVIDIA’s may have the number of a GPU', () => {
  const device = (text: string) => readConfig(pipelineVariables, { DEVICE: text }).DEVICE;
  for (const text of ['auto', 'cpu', 'webgpu', 'cuda', 'cuda:0', 'cuda:15', 'tensorrt', 'tensorrt:1'])
    expect(device(text)).toBe(text);
  for (const text of ['gpu', 'CUDA', 'cuda:', 'cuda:-1', 'cuda:01', 'cuda:100', 'cuda:a', 'auto:1'])
    expect(() => device(text)).toThrow(
      `DEVICE is "${text}"; expected auto, cpu, webgpu, cuda, cuda:N, tensorrt or tensorrt:N`,
    );
});

it('a device without numbers is refused with one, and the error says what to do instead', () => {
  const device = (text: string) => readConfig(pipelineVariables, { DEVICE: text }).DEVICE;
  expect(() => device('webgpu:1')).toThrow(
    'DEVICE is "webgpu:1"; expected webgpu without a number: onnxruntime cannot pick a WebGPU adapter, so give each container one GPU',
  );
  expect(() => device('cpu:0')).toThrow('DEVICE is "cpu:0"; expected cpu without a number');
});
