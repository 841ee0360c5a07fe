import { createPipeline } from '@facequeue/pipeline';
import { DEFAULT_DETECTION_OPTIONS } from '@facequeue/schema';
import { describe, expect, it } from 'vitest';
import { measure } from '../../../bench/scenes/measure.ts';
import { cocoJson } from './coco.ts';
import { faceless, type LabelledScene, Placements, sheet } from './scenes.ts';
import { TEXTURE_KINDS, texture } from './texture.ts';

async function all(scenes: AsyncIterable<LabelledScene>): Promise<LabelledScene[]> {
  return Array.fromAsync(scenes);
}

describe('scenes', () => {
  it('have their faces where they say, of the width that was asked for', async () => {
    await using pipeline = await createPipeline({ device: 'cpu' });
    const scenes = await all(new Placements(800, 600, 3).scenes(48, 6));
    for (const { boxes } of scenes) {
      expect(boxes).toHaveLength(1);
      expect(boxes[0]!.width).toBeGreaterThan(47);
      expect(boxes[0]!.width).toBeLessThan(49);
    }
    expect(await measure(pipeline, 'balanced', scenes)).toMatchObject({ scenes: 6, faces: 6, found: 6, wrong: 0 });
  });

  it('are the same for the same seed and others for another', async () => {
    const bytes = async (seed: number) =>
      (await all(new Placements(320, 240, seed).scenes(20, 3))).map((one) => one.bytes);
    expect(await bytes(1)).toEqual(await bytes(1));
    expect(await bytes(1)).not.toEqual(await bytes(2));
    expect(texture('clouds', 64, 48, 5)).toEqual(texture('clouds', 64, 48, 5));
  });

  it('leave no face behind in the background of the next one', async () => {
    const placements = new Placements(320, 240, 1);
    const [first] = await all(placements.scenes(20, 1));
    await all(placements.scenes(60, 8));
    expect((await all(placements.scenes(20, 1)))[0]!.bytes).toEqual(first!.bytes);
  });

  it('fill a sheet with portraits', async () => {
    const { boxes, width } = await sheet(12, 1);
    expect(boxes).toHaveLength(144);
    await using pipeline = await createPipeline({ device: 'cpu' });
    const scene = await sheet(12, 1);
    const figures = (await measure(pipeline, 'balanced', [scene]))!;
    expect(figures.found).toBeGreaterThan(140);
    expect(Math.max(...boxes.map((box) => box.x + box.width))).toBeLessThan(width);
  });

  it('without a face have none', async () => {
    await using pipeline = await createPipeline({ device: 'cpu' });
    const scenes = await all(faceless(TEXTURE_KINDS.length, 640, 360, 1));
    expect(new Set(scenes.map(({ name }) => name)).size).toBe(TEXTURE_KINDS.length);
    const plain = scenes.filter(({ name }) => !name.includes('pebbles'));
    for (const { bytes } of plain)
      expect((await pipeline.detect(bytes, { ...DEFAULT_DETECTION_OPTIONS, min_confidence: 0.9 })).faces).toEqual([]);
  });

  it('are written as COCO JSON', async () => {
    const [scene] = await all(new Placements(320, 240, 1).scenes(20, 1));
    const [empty] = await all(faceless(1, 320, 240, 1));
    const { images, annotations, categories } = JSON.parse(cocoJson([empty!, scene!]));
    expect(images).toEqual([
      { id: 1, file_name: 'faceless-0-wall.jpg', width: 320, height: 240 },
      { id: 2, file_name: scene!.name, width: 320, height: 240 },
    ]);
    const { x, y, width, height } = scene!.boxes[0]!;
    expect(annotations).toEqual([
      { id: 1, image_id: 2, category_id: 1, bbox: [x, y, width, height], area: width * height, iscrowd: 0 },
    ]);
    expect(categories).toEqual([{ id: 1, name: 'face' }]);
  });
});
