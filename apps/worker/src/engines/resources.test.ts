import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { measureResources } from './resources.ts';

const MIB = 1024 ** 2;

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'facequeue-resources-'));
  onTestFinished(() => rm(made, { recursive: true }));
  return made;
}

describe('what the machine has', () => {
  /** A machine whose nvidia-smi prints this. */
  async function withNvidiaSmi(lines: string): Promise<void> {
    const bin = await folder();
    const command = join(bin, 'nvidia-smi');
    const query = '--query-gpu=index,uuid,memory.free --format=csv,noheader,nounits';
    await writeFile(command, `#!/bin/sh\ntest "$*" = "${query}" && printf '${lines}'\n`);
    await chmod(command, 0o755);
    vi.stubEnv('PATH', `${bin}:${process.env['PATH']}`);
    onTestFinished(() => void vi.unstubAllEnvs());
  }

  it('is measured, of its GPU by nvidia-smi', async () => {
    await withNvidiaSmi('0, GPU-5c01, 1000\\n1, GPU-77ab, 500\\n');
    const { cores, memory, deviceMemory } = await measureResources('cuda:0', '1');
    expect(cores).toBe(availableParallelism());
    expect(memory).toBeGreaterThan(100 * MIB);
    expect(memory).toBeLessThanOrEqual(totalmem());
    expect(deviceMemory).toBe(500 * MIB);
  });

  it('is that of the container where it has a limit', async () => {
    vi.spyOn(process, 'constrainedMemory').mockReturnValue(700 * MIB);
    onTestFinished(() => void vi.restoreAllMocks());
    expect((await measureResources('cpu', undefined)).memory).toBe(700 * MIB);
    vi.spyOn(process, 'constrainedMemory').mockReturnValue(0);
    expect((await measureResources('cpu', undefined)).memory).toBe(totalmem());
  });

  it('includes no memory of a GPU on the CPU, or where nothing tells', async () => {
    await withNvidiaSmi('0, GPU-5c01, 1000\\n');
    expect((await measureResources('cpu', undefined)).deviceMemory).toBeNull();
    vi.stubEnv('PATH', await folder());
    expect((await measureResources('cuda', undefined)).deviceMemory).toBeNull();
  });
});
