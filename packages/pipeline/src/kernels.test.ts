import { DEFAULT_DETECTION_OPTIONS, type DetectionOptions } from '@facequeue/schema';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exifBlock, jpegWithExif, photographBytes, scene } from '../../../test/support/fixtures/index.ts';
import type { DetectedFace } from './detection.ts';
import { createPipeline, type Pipeline } from './pipeline.ts';

let quick: Pipeline;
let plain: Pipeline;
beforeAll(async () => {
  quick = await createPipeline({ device: 'cpu', kernels: 'simd' });
  plain = await createPipeline({ device: 'cpu', kernels: 'plain' });
});
afterAll(async () => {
  await quick?.close();
  await plain?.close();
});

const photographs = ['astronaut.png', 'portrait-1.jpg', 'portrait-2.jpg'] as const;
const composed = async (options: Parameters<typeof scene>[0]) => (await scene(options)).bytes;

interface Compared {
  name: string;
  bytes: () => Promise<Buffer>;
  options?: Partial<DetectionOptions>;
  faces: number;
}

/** Pictures that are shrunk, enlarged, cut into tiles and turned, with faces that are enlarged and reduced. */
const PICTURES: Compared[] = [
  ...photographs.flatMap((name) =>
    (['fast', 'balanced', 'small-faces'] as const).map((profile) => ({
      name: `${name}, ${profile}`,
      bytes: () => photographBytes(name),
      options: { profile },
      faces: 1,
    })),
  ),
  { name: 'a large face', bytes: () => composed({ faces: 1, width: 1600, height: 1700, faceHeight: 1300 }), faces: 1 },
  { name: 'four faces', bytes: () => composed({ faces: 4 }), faces: 4 },
  { name: 'fourteen faces in tiles', bytes: () => composed({ faces: 14, width: 2000, height: 1125 }), faces: 14 },
  {
    name: 'a picture on its side',
    bytes: async () =>
      await sharp(await photographBytes('astronaut.png'))
        .rotate(90)
        .png()
        .toBuffer(),
    options: { rotate: 'auto' },
    faces: 1,
  },
  ...[2, 3, 5, 6, 8].map((orientation) => ({
    name: `EXIF orientation ${orientation}`,
    bytes: async () => jpegWithExif(await photographBytes('portrait-1.jpg'), exifBlock(orientation, 'II')),
    options: { rotate: 'auto' as const },
    faces: 1,
  })),
];

/** The largest differences that count as equal: of the score, and of box and points as a share of the face. */
const DIFFERENCES = { score: 0.0016, box: 0.006, points: 0.0005 };

function expectSame(found: DetectedFace, wanted: DetectedFace): void {
  const size = Math.sqrt(wanted.box.width * wanted.box.height);
  const sides = (['x', 'y', 'width', 'height'] as const).map((side) => Math.abs(found.box[side] - wanted.box[side]));
  const { landmarks: points } = wanted;
  let moved = 0;
  for (let i = 0; i < 212; i += 2)
    moved += Math.hypot(points![i]! - found.landmarks![i]!, points![i + 1]! - found.landmarks![i + 1]!) / 106;
  expect(Math.abs(found.confidence - wanted.confidence)).toBeLessThan(DIFFERENCES.score);
  expect(Math.max(...sides) / size).toBeLessThan(DIFFERENCES.box);
  expect(moved / size).toBeLessThan(DIFFERENCES.points);
  expect(found.attributes!.male > 0.5).toBe(wanted.attributes!.male > 0.5);
}

describe('faces found with the quick kernels and with the plain ones', () => {
  const ages: number[] = [];

  it.each(PICTURES)('are the same: $name', async ({ bytes, options, faces: count }) => {
    const picture = await bytes();
    const all = { ...DEFAULT_DETECTION_OPTIONS, ...options };
    const { faces } = await quick.detect(picture, all);
    const { faces: wanted } = await plain.detect(picture, all);
    expect([faces.length, wanted.length]).toEqual([count, count]);
    faces.forEach((face, i) => {
      expectSame(face, wanted[i]!);
      ages.push(Math.abs(face.attributes!.age - wanted[i]!.attributes!.age));
    });
  });

  it('have the same ages, to 0.45 years on average', () => {
    expect(ages.length).toBeGreaterThan(30);
    expect(ages.reduce((sum, age) => sum + age) / ages.length).toBeLessThan(0.45);
  });
});
