/** The engine process that workers start, with the real models. */
import { readFileSync } from 'node:fs';
import { DEFAULT_DETECTION_OPTIONS } from '@facequeue/schema';
import { decodeResult } from '@facequeue/schema/result-codec';
import { createLogger } from '@facequeue/service';
import sharp from 'sharp';
import { expect, it } from 'vitest';
import { COUNT_COLLECTIONS, collectionsOf } from '../../../../bench/support/collections/read.ts';
import { largestPictures } from '../../../../test/support/fixtures/largest.ts';
import { peakBytes } from '../../../../test/support/processes/process-table.ts';
import { engineEnvironment } from '../config.ts';
import { Engine } from './engine.ts';
import { engineLauncher } from './launcher.ts';

const PORTRAIT = new Uint8Array(readFileSync(new URL('../../../../test/images/portrait-1.jpg', import.meta.url)));
const IDS = { job_id: 'job', request_id: 'request' };
const LIMIT = { baseMs: 60_000, megapixelMs: 0, maxPixels: 1, faceMs: 0 };

const PROGRAM = {
  module: new URL('main.ts', import.meta.url).pathname,
  settings: { device: 'cpu' },
  env: engineEnvironment(),
  launcher: engineLauncher(),
};
/** Those that need the most memory, and one that is turned. */
const GREEDY = [
  'JPEG on its side',
  'progressive JPEG, 4:4:4',
  'interlaced PNG, 16 bit with alpha',
  'lossless WebP',
  'BMP, 1 bit',
];

it('reports its device and models, finds a face in an image, and refuses what is none', async () => {
  const { signal } = new AbortController();
  const engine = await Engine.start(PROGRAM, signal, createLogger('worker', 'silent'));
  try {
    expect(engine.facts).toMatchObject({
      device: 'cpu',
      models: { version: expect.stringMatching(/^\d+\.\d+\.\d+$/) },
    });
    const detect = (bytes: Uint8Array, options = DEFAULT_DETECTION_OPTIONS) =>
      engine.detect({ bytes, options }, LIMIT, signal, IDS);
    const { result, details, image, timings } = await detect(PORTRAIT);
    expect(decodeResult(result).Faces).toHaveLength(1);
    expect(details).toBeNull();
    const detailed = await detect(PORTRAIT, { ...DEFAULT_DETECTION_OPTIONS, detail: true });
    expect(Buffer.compare(detailed.result, result)).toBe(0);
    expect(decodeResult(detailed.result, detailed.details)).toMatchObject({
      Faces: [{ pose: expect.anything(), quality: { cut_by_edge: false } }],
      searched: { turned: 0, faces_left_out: 0 },
    });
    expect(image).toMatchObject({ format: 'jpeg', bytes: PORTRAIT.length });
    expect(timings).toMatchObject({ decode: expect.any(Number), detect: expect.any(Number) });
    await expect(detect(new Uint8Array(100))).rejects.toMatchObject({ name: 'FacequeueError' });
  } finally {
    engine.kill();
    await engine.ended;
  }
});

it('does not collect all its garbage for each image', async () => {
  const { signal } = new AbortController();
  const env = { ...PROGRAM.env, NODE_OPTIONS: COUNT_COLLECTIONS };
  const engine = await Engine.start({ ...PROGRAM, env }, signal, createLogger('worker', 'silent'));
  try {
    const bytes = new Uint8Array(await sharp(PORTRAIT).resize(1920, 1080, { fit: 'contain' }).jpeg().toBuffer());
    const detect = () => engine.detect({ bytes, options: DEFAULT_DETECTION_OPTIONS }, LIMIT, signal, IDS);
    // The first ones are those of warming up.
    for (let i = 0; i < 3; i++) await detect();
    const before = collectionsOf(engine.pid)!.full;
    for (let i = 0; i < 12; i++) await detect();
    expect(collectionsOf(engine.pid)!.full - before).toBeLessThanOrEqual(2);
  } finally {
    engine.kill();
    await engine.ended;
  }
});

it('takes less than 700 MB for the largest pictures of every format, and less than half of ENGINE_MAX_RSS after them', async () => {
  const { signal } = new AbortController();
  const engine = await Engine.start(PROGRAM, signal, createLogger('worker', 'silent'));
  try {
    const pictures = largestPictures().filter(({ name }) => GREEDY.includes(name));
    expect(pictures).toHaveLength(GREEDY.length);
    for (const { name, width, height, make } of pictures) {
      const options = { ...DEFAULT_DETECTION_OPTIONS, profile: 'small-faces' as const };
      const { image } = await engine.detect({ bytes: new Uint8Array(await make()), options }, LIMIT, signal, IDS);
      expect([image.width, image.height].toSorted(), name).toEqual([width, height].toSorted());
      expect(peakBytes(engine.pid) / 1e6, name).toBeLessThan(700);
      expect(engine.rss / 1e6, name).toBeLessThan(500);
    }
  } finally {
    engine.kill();
    await engine.ended;
  }
}, 120_000);
