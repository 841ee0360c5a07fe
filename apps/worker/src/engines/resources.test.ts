import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { freeOn, freeOnAmd, measureResources, readGpus } from './resources.ts';

const MIB = 1024 ** 2;
const LINES = `0, GPU-5c01, 81038
1, GPU-77ab, 15109
2, GPU-90ee, [N/A]
`;
const [BIG, SMALL, DIVIDED] = readGpus(LINES) as [never, never, never];

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'facequeue-resources-'));
  onTestFinished(() => rm(made, { recursive: true }));
  return made;
}

describe('the free memory of a GPU', () => {
  it('is what nvidia-smi says', () => {
    expect(readGpus(LINES)).toEqual([
      { index: 0, uuid: 'GPU-5c01', free: 81038 * MIB },
      { index: 1, uuid: 'GPU-77ab', free: 15109 * MIB },
      { index: 2, uuid: 'GPU-90ee', free: null },
    ]);
    expect(readGpus('No devices were found\n')).toEqual([]);
  });

  it('is that of the one that is named', () => {
    expect(freeOn([BIG, SMALL], 'cuda:0', undefined)).toBe(81038 * MIB);
    expect(freeOn([BIG, SMALL], 'tensorrt:1', undefined)).toBe(15109 * MIB);
    expect(freeOn([BIG, SMALL], 'cuda:2', undefined)).toBeNull();
  });

  it('is the least where none is named', () => {
    expect(freeOn([BIG, SMALL], 'cuda', undefined)).toBe(15109 * MIB);
    expect(freeOn([BIG, SMALL], 'webgpu', '0')).toBe(15109 * MIB);
    expect(freeOn([BIG], 'cuda', undefined)).toBe(81038 * MIB);
  });

  it('counts for CUDA only those of CUDA_VISIBLE_DEVICES, in its sequence', () => {
    expect(freeOn([BIG, SMALL], 'cuda:0', '1,0')).toBe(15109 * MIB);
    expect(freeOn([BIG, SMALL], 'cuda:1', 'GPU-77, GPU-5c01')).toBe(81038 * MIB);
    expect(freeOn([BIG, SMALL], 'cuda', '0')).toBe(81038 * MIB);
    expect(freeOn([BIG, SMALL], 'cuda', '')).toBe(15109 * MIB);
    expect(freeOn([BIG, SMALL], 'cuda:0', 'MIG-1234')).toBeNull();
  });

  it('is unknown where one of those in question is divided', () => {
    expect(freeOn([BIG, DIVIDED], 'cuda', undefined)).toBeNull();
    expect(freeOn([BIG, DIVIDED], 'cuda:0', undefined)).toBe(81038 * MIB);
    expect(freeOn([], 'cuda', undefined)).toBeNull();
  });

  it('of AMD is what its driver says in files', async () => {
    const cards = await folder();
    expect(freeOnAmd(cards)).toBeNull();
    for (const [card, total, used] of [
      ['card0', 8000, 1000],
      ['card1', 16000, 12000],
    ] as const) {
      await mkdir(join(cards, card, 'device'), { recursive: true });
      await writeFile(join(cards, card, 'device/mem_info_vram_total'), `${total}\n`);
      await writeFile(join(cards, card, 'device/mem_info_vram_used'), `${used}\n`);
    }
    // Another maker's, and a connector.
    for (const name of ['card2', 'card1-HDMI-A-1']) await mkdir(join(cards, name, 'device'), { recursive: true });
    expect(freeOnAmd(cards)).toBe(4000);
    expect(freeOnAmd(join(cards, 'none'))).toBeNull();
  });
});

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
