import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_DETECTION_OPTIONS } from '@facequeue/schema';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { DEFAULT_PACK } from '../pack/load.ts';
import { createPipeline } from '../pipeline.ts';
import { tryDevice } from './trial.ts';
import { trialPictures } from './trial-pictures.ts';

/** For processes to start on a machine that is busy with other tests, ms. */
const PATIENT_MS = 120_000;

let pictures: Uint8Array[];
beforeAll(async () => {
  pictures = await trialPictures();
});

/** Has each process that is started from now on run this first. */
async function preload(code: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'facequeue-trial-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, 'driver.cjs');
  await writeFile(file, code.replaceAll('FOLDER', JSON.stringify(folder)));
  vi.stubEnv('NODE_OPTIONS', `--require=${file}`);
  onTestFinished(() => void vi.unstubAllEnvs());
}

describe('the trial of a device', () => {
  it('has pictures of several sizes, in which the faces are found', async () => {
    await using pipeline = await createPipeline({ device: 'cpu' });
    const found = [];
    for (const bytes of pictures) {
      const { faces, image } = await pipeline.detect(bytes, DEFAULT_DETECTION_OPTIONS);
      found.push([image.width, image.height, faces.length]);
    }
    expect(found).toEqual([
      [640, 480, 1],
      [1920, 1080, 1],
      [1920, 1080, 4],
      [4000, 3000, 2],
    ]);
  });

  const small = { pack: DEFAULT_PACK, device: 'cpu', engines: 2, pictures: [] } as const;

  it('measures several engines at once, with all pictures', async () => {
    const result = await tryDevice({ ...small, pictures: pictures.slice(0, 2) }, PATIENT_MS);
    expect(result).toEqual({ engines: 2, rate: expect.any(Number) });
    expect((result as { rate: number }).rate).toBeGreaterThan(0);
    const damaged = [pictures[0]!, new Uint8Array(100)];
    expect(await tryDevice({ ...small, pictures: damaged }, PATIENT_MS)).toBe(
      'the bytes are none of JPEG, PNG, BMP and WebP',
    );
  });

  it('is over when models cannot be opened, and says why', async () => {
    expect(await tryDevice({ ...small, pack: '/nowhere/manifest.json' }, PATIENT_MS)).toBe(
      'cannot read the model pack /nowhere/manifest.json: ENOENT',
    );
    expect(await tryDevice({ ...small, device: 'cuda:1' })).toMatch(/libonnxruntime_providers_cuda\.so/);
  });

  it('is over when a driver does not answer in time', async () => {
    await preload('for (;;);');
    expect(await tryDevice(small, 300)).toBe('no answer within 0.3 s');
  });

  it('survives a driver that ends the process', async () => {
    await preload("process.kill(process.pid, 'SIGSEGV');");
    expect(await tryDevice(small, PATIENT_MS)).toBe('its driver ended the process');
  });

  it('goes on with the engines that could be started', async () => {
    // The first that makes the folder ends, as where the device's memory is too small for both.
    await preload("try { require('node:fs').mkdirSync(FOLDER + '/full'); process.exit(1); } catch {}");
    expect(await tryDevice({ ...small, pictures: pictures.slice(0, 1) }, PATIENT_MS)).toEqual({
      engines: 1,
      rate: expect.any(Number),
    });
  });
});
