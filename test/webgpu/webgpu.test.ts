/**
 * The WebGPU worker without a GPU: on SwiftShader, the software Vulkan driver that Debian's chromium package ships
 * (`apt-get install chromium libvulkan1`).
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createPipeline } from '@facequeue/pipeline';
import { DEFAULT_DETECTION_OPTIONS, type DetectionResult } from '@facequeue/schema';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { photographBytes } from '../support/fixtures/picture.ts';
import { parseExposition, seriesValue } from '../support/metrics/exposition.ts';
import { freePort } from '../support/processes/free-port.ts';
import { startService } from '../support/processes/service.ts';

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

const vulkan = (driver: string) => ({ VK_ICD_FILENAMES: driver, VK_DRIVER_FILES: driver, XDG_RUNTIME_DIR: tmpdir() });

async function detect(device: string, driver: string): Promise<Found> {
  const env = { ...process.env, ...vulkan(driver) };
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

  it('runs several engines on one device at a time, by default, each with the CPU’s faces', async ({ skip }) => {
    skip(!existsSync(SWIFTSHADER), `${SWIFTSHADER} is missing: apt-get install chromium libvulkan1`);
    const port = await freePort();
    const settings = { DEVICE: 'webgpu', ENGINE_TIMEOUT: '5m', SYNC_WAIT: '5m', WORKER_PORT: String(port) };
    await using service = await startService({ ...vulkan(SWIFTSHADER), ...settings }, { readyMs: 300_000 });
    // As many as cores, and at most four: no tool tells the memory of a software GPU.
    const engines = Math.min(availableParallelism(), 4);
    const system = await fetch(`${service.url}/system`);
    const { workers } = (await system.json()) as { workers: unknown[] };
    expect(workers).toMatchObject([{ device: 'webgpu', engines }]);

    const square = { left: 112, top: 16, width: 224, height: 224 };
    const bytes = await sharp(await photographBytes('astronaut.png'))
      .extract(square)
      .resize(80)
      .png()
      .toBuffer();
    const options = { ...DEFAULT_DETECTION_OPTIONS, profile: 'fast', landmarks: false, attributes: false } as const;
    await using cpu = await createPipeline({ device: 'cpu' });
    const [wanted] = (await cpu.detect(bytes, options)).faces;
    const target = `${service.url}/face_detection?profile=fast&landmarks=false&attributes=false`;
    const post = () => fetch(target, { method: 'POST', body: bytes, headers: { 'content-type': 'image/png' } });
    const answers = await Promise.all(Array.from({ length: engines }, post));
    for (const answer of answers) {
      expect(answer.status).toBe(200);
      const { Faces } = (await answer.json()) as DetectionResult;
      expect(Faces).toHaveLength(1);
      const [{ Confidence, BoundingBox }] = Faces as [(typeof Faces)[number]];
      expect(Math.abs(Confidence - wanted!.confidence)).toBeLessThan(0.005);
      expect(Math.abs(BoundingBox.Left - wanted!.box.x / 80)).toBeLessThan(0.01);
      expect(Math.abs(BoundingBox.Width - wanted!.box.width / 80)).toBeLessThan(0.01);
    }
    // An engine's memory is measured after its first image: each had one.
    const metrics = parseExposition(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text());
    for (let engine = 0; engine < engines; engine++)
      expect(
        seriesValue(metrics, 'facequeue_engine_resident_memory_bytes', { engine: String(engine) }),
      ).toBeGreaterThan(0);
  });
});
