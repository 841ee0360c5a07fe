import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { DEFAULT_DETECTION_OPTIONS, FacequeueError } from '@facequeue/schema';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createPipeline } from '../pipeline.ts';
import { DEFAULT_PACK, loadPack, PackError } from './load.ts';

/** A copy of the default pack in a folder of its own, its manifest changed. */
async function packWith(change: (manifest: ReturnType<typeof JSON.parse>) => void): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'facequeue-pack-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const manifest = JSON.parse(await readFile(DEFAULT_PACK, 'utf8'));
  for (const { file } of Object.values<{ file: string }>(manifest.models))
    await cp(join(dirname(DEFAULT_PACK), file), join(folder, file));
  change(manifest);
  const path = join(folder, 'manifest.json');
  await writeFile(path, JSON.stringify(manifest));
  return path;
}

describe('model pack', () => {
  it('that is missing is refused with its path', async () => {
    await expect(loadPack('/nowhere/manifest.json')).rejects.toThrow(
      new PackError('cannot read the model pack /nowhere/manifest.json: ENOENT'),
    );
  });

  it('that is not JSON is refused with its path', async () => {
    const path = await packWith(() => {});
    await writeFile(path, '{"schema": 1,');
    await expect(loadPack(path)).rejects.toThrow(/is not JSON/);
  });

  it('that lacks a member is refused with its name', async () => {
    const path = await packWith((manifest) => {
      delete manifest.crops.attributes.scale;
      manifest.detection.nms_iou = 7;
    });
    await expect(loadPack(path)).rejects.toThrow(/nms_iou[\s\S]*crops\.attributes\.scale/);
  });

  it('without a verifier finds faces by the detector alone', async () => {
    const path = await packWith((manifest) => {
      delete manifest.models.verifier;
      delete manifest.verification;
      delete manifest.crops.verifier;
    });
    const photograph = await readFile(new URL('../../../../test/images/astronaut.png', import.meta.url));
    await using alone = await createPipeline({ packPath: path, device: 'cpu' });
    await alone.warm();
    await using both = await createPipeline({ device: 'cpu' });
    const [face, verified] = await Promise.all(
      [alone, both].map(async (pipeline) => (await pipeline.detect(photograph, DEFAULT_DETECTION_OPTIONS)).faces[0]!),
    );
    expect(verified!.confidence).toBeGreaterThan(face!.confidence);
    expect(verified!.box).not.toEqual(face!.box);
    // Its points come from crops by the detector's box.
    expect(verified!.landmarks).toEqual(face!.landmarks);
    expect(verified!.attributes).toEqual(face!.attributes);
  });

  it('of release 0.1.0, which says nothing of passes, runs those of the default pack', async () => {
    const path = await packWith(({ detection }) => {
      delete detection.passes;
      delete detection.tiles;
      delete detection.smallest_face;
      delete detection.rotation;
    });
    expect((await loadPack(path)).manifest).toEqual((await loadPack()).manifest);
  });

  it('whose own passes lack a member is refused with its name', async () => {
    const path = await packWith(({ detection }) => {
      delete detection.tiles;
      delete detection.passes.balanced[0].faces;
    });
    await expect(loadPack(path)).rejects.toThrow(/detection\.tiles[\s\S]*detection\.passes\.balanced\[0\]\.faces/);
  });

  it('without a refiner gives the landmarks of one model, and refuses refined ones', async () => {
    const path = await packWith((manifest) => {
      delete manifest.models.refiner;
      delete manifest.refinement;
    });
    const photograph = await readFile(new URL('../../../../test/images/astronaut.png', import.meta.url));
    await using pipeline = await createPipeline({ packPath: path, device: 'cpu' });
    await pipeline.warm();
    expect((await pipeline.detect(photograph, DEFAULT_DETECTION_OPTIONS)).faces[0]!.landmarks).toHaveLength(212);
    await expect(pipeline.detect(photograph, { ...DEFAULT_DETECTION_OPTIONS, landmarks: 'refined' })).rejects.toThrow(
      new FacequeueError(
        'invalid_request',
        'option landmarks: the model pack facequeue-default has no model for refined ones',
      ),
    );
  });

  it.each([
    ['verifier', ['verification', 'crops.verifier']],
    ['refiner', ['models.refiner']],
  ])('with only a part of what a %s needs is refused with the name of what is missing', async (role, missing) => {
    const path = await packWith((manifest) => {
      for (const part of missing) {
        const names = part.split('.');
        const last = names.pop()!;
        delete names.reduce((value, name) => value[name], manifest)[last];
      }
    });
    const why = await loadPack(path).then(
      () => '',
      (error: Error) => error.message,
    );
    expect(why).toContain(`missing; a ${role} needs models.${role}`);
    for (const part of missing) expect(why).toMatch(new RegExp(`→ at ${part}$`, 'm'));
  });

  it('whose model file is not a model stops the start and names the file', async () => {
    const path = await packWith((manifest) => {
      manifest.models.landmarks.file = 'manifest.json';
    });
    const opening = createPipeline({ packPath: path, device: 'cpu' });
    await expect(opening).rejects.toBeInstanceOf(PackError);
    await expect(opening).rejects.toThrow(/manifest\.json cannot be opened on cpu/);
  });

  it('with a model in another’s role stops the start and names the difference', async () => {
    const path = await packWith((manifest) => {
      manifest.models.landmarks.file = manifest.models.attributes.file;
    });
    await expect(createPipeline({ packPath: path, device: 'cpu' })).rejects.toThrow(
      /is no landmarks model: inputs of the model: faces uint8\[M,112,112,3\]/,
    );
  });
});
