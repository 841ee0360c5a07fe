import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { missing } from './missing.ts';

const CUDA = 'libonnxruntime_providers_cuda.so';
const TENSORRT = 'libonnxruntime_providers_tensorrt.so';

let libraries: string;
beforeEach(async () => {
  libraries = await mkdtemp(join(tmpdir(), 'facequeue-device-'));
  onTestFinished(() => rm(libraries, { recursive: true }));
});

/** Writes a real library that needs one of this name, which has at most 19 letters: onnxruntime's own, with another name in it. */
async function libraryThatNeeds(file: string, needed: string): Promise<void> {
  const main = createRequire(import.meta.url).resolve('onnxruntime-node');
  const binding = `../bin/napi-v6/${process.platform}/${process.arch}/onnxruntime_binding.node`;
  const bytes = await readFile(join(dirname(main), binding));
  const name = 'libonnxruntime.so.1';
  const at = bytes.indexOf(`${name}\0`, 0, 'latin1');
  expect(at).toBeGreaterThan(0);
  bytes.write(needed.padEnd(name.length, '\0'), at, 'latin1');
  await writeFile(join(libraries, file), bytes);
}

describe('what a device lacks', () => {
  it('is its library, where onnxruntime-node came without it', async () => {
    expect(await missing('cuda', { libraries })).toContain(`onnxruntime-node has no ${CUDA}`);
    await writeFile(join(libraries, CUDA), '');
    expect(await missing('cuda', { libraries })).toBeNull();
    expect(await missing('tensorrt', { libraries })).toContain(`onnxruntime-node has no ${TENSORRT}`);
    expect(await missing('cpu', { libraries })).toBeNull();
    expect(await missing('webgpu', { libraries })).toBeNull();
  });

  it.each([
    ['libcudart.so.13', 'CUDA 13'],
    ['libcublasLt.so.13', 'CUDA 13'],
    ['libcudnn.so.9', 'cuDNN 9'],
    ['libcuda.so.1', 'the NVIDIA driver'],
    ['libnvinfer.so.10', 'TensorRT 10'],
  ])('is %s, which its library needs; the reason says to install %s', async (needed, remedy) => {
    vi.stubEnv('LD_LIBRARY_PATH', '/nowhere');
    onTestFinished(() => void vi.unstubAllEnvs());
    await libraryThatNeeds(CUDA, needed);
    expect(await missing('cuda', { libraries })).toBe(`${CUDA} needs ${needed}: install ${remedy} (docs/gpu.md)`);
    await writeFile(join(libraries, TENSORRT), '');
    expect(await missing('tensorrt', { libraries })).toContain(`needs ${needed}`);
  });

  it('is a GPU of the number that was named', async () => {
    await writeFile(join(libraries, CUDA), '');
    const devices = await mkdtemp(join(tmpdir(), 'facequeue-device-'));
    onTestFinished(() => rm(devices, { recursive: true }));
    // Without device files, as under WSL, only CUDA can tell.
    expect(await missing('cuda:7', { libraries, devices })).toBeNull();
    for (const name of ['nvidia0', 'nvidia1', 'nvidiactl', 'nvidia-uvm']) await writeFile(join(devices, name), '');
    expect(await missing('cuda', { libraries, devices })).toBeNull();
    expect(await missing('cuda:1', { libraries, devices })).toBeNull();
    expect(await missing('cuda:2', { libraries, devices })).toBe(
      'there is no GPU 2: this machine or container has 2, numbered from 0',
    );
  });
});
