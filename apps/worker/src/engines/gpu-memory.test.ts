import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { freeOn, freeOnAmd, readGpus } from './gpu-memory.ts';

const MIB = 1024 ** 2;
const LINES = `0, GPU-5c01, 81038
1, GPU-77ab, 15109
2, GPU-90ee, [N/A]
`;
const [BIG, SMALL, DIVIDED] = readGpus(LINES) as [never, never, never];

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), 'facequeue-gpus-'));
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
