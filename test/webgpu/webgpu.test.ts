/**
 * The WebGPU worker without a GPU: on SwiftShader, the software Vulkan driver that Debian's chromium package ships
 * (`apt-get install chromium libvulkan1`).
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { photographBytes } from '../support/fixtures/picture.ts';

const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json';
const script = fileURLToPath(new URL('./detect.ts', import.meta.url));

interface Found {
  device: string;
  faces: {
    box: { x: number; y: number; width: number; height: number };
    confidence: number;
    landmarks: number[];
    attributes: { male: number; age: number };
  }[][];
}

let folder: string;
let images: string[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'facequeue-webgpu-'));
  // Small: a software GPU takes seconds where a CPU takes milliseconds.
  images = await Promise.all(
    (['portrait-1.jpg', 'astronaut.png', 'astronaut.png'] as const).map(async (name, i) => {
      const file = join(folder, `${i}.png`);
      const square = sharp(await photographBytes(name)).resize(160, 160, { position: 'top' });
      await writeFile(file, await (i === 2 ? square.flop() : square).png().toBuffer());
      return file;
    }),
  );
});
afterAll(() => rm(folder, { recursive: true }));

async function detect(device: string, driver: string): Promise<Found> {
  const env = { ...process.env, VK_ICD_FILENAMES: driver, VK_DRIVER_FILES: driver, XDG_RUNTIME_DIR: tmpdir() };
  const { stdout } = await promisify(execFile)(process.execPath, [script, device, ...images], { env });
  return JSON.parse(stdout);
}

describe('DEVICE=webgpu', () => {
  it('does not start without a driver, names the reason, and never falls back to the CPU', async () => {
    await expect(detect('webgpu', '/nowhere/icd.json')).rejects.toThrow(/DEVICE=webgpu cannot be used: /);
  });

  it("finds the CPU's faces", async ({ skip }) => {
    skip(!existsSync(SWIFTSHADER), `${SWIFTSHADER} is missing: apt-get install chromium libvulkan1`);
    const [cpu, gpu] = [await detect('cpu', ''), await detect('webgpu', SWIFTSHADER)];
    expect([cpu.device, gpu.device]).toEqual(['cpu', 'webgpu']);
    expect(cpu.faces.map((faces) => faces.length)).toEqual([1, 1, 1]);
    expect(gpu.faces.map((faces) => faces.length)).toEqual([1, 1, 1]);
    for (const [i, faces] of cpu.faces.entries()) {
      const [wanted, found] = [faces[0]!, gpu.faces[i]![0]!];
      const size = Math.sqrt(wanted.box.width * wanted.box.height);
      for (const side of ['x', 'y', 'width', 'height'] as const)
        expect(Math.abs(found.box[side] - wanted.box[side]) / size).toBeLessThan(0.01);
      expect(Math.abs(found.confidence - wanted.confidence)).toBeLessThan(0.005);
      for (const [k, value] of wanted.landmarks.entries())
        expect(Math.abs(found.landmarks[k]! - value) / size).toBeLessThan(0.01);
      expect(Math.abs(found.attributes.male - wanted.attributes.male)).toBeLessThan(0.01);
      expect(Math.abs(found.attributes.age - wanted.attributes.age)).toBeLessThan(0.5);
    }
  });
});
