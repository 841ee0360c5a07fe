import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PastedFace, pasted } from '../../../../test/support/fixtures/pasted.ts';
import { type OpenModels, openModels } from '../device/open.ts';
import type { Arrays, Session } from '../device/session.ts';
import { loadPack, type Pack } from '../pack/load.ts';
import { Arena } from '../pixels/index.ts';
import { faceSize } from './candidate.ts';
import { detectFaces } from './detector.ts';
import { iou } from './nms.ts';
import { plannedPasses } from './passes.ts';

let pack: Pack;
let models: OpenModels;
beforeAll(async () => {
  pack = await loadPack();
  models = await openModels(pack, 'cpu', 1);
});
afterAll(() => models?.[Symbol.asyncDispose]());

/** The same detector, which notes the area of each input. */
function watched(session: Session): Session & { readonly areas: number[] } {
  const areas: number[] = [];
  const run = (inputs: Arrays) => {
    areas.push(Number(inputs['size']!.data[0]) * Number(inputs['size']!.data[1]));
    return session.run(inputs);
  };
  return { ...session, run, areas };
}

describe('the detector', () => {
  it.each([
    ['shrunk', 3000, 2000, 'balanced'],
    ['at its own size', 2560, 1700, 'balanced'],
    ['enlarged', 1800, 1400, 'small-faces'],
  ] as const)(
    'finds in a picture %s and cut into tiles what it finds in one piece',
    async (_, width, height, profile) => {
      // Of every size up to the largest that these passes contribute, all over the picture, so on all seams, too.
      const faces = Array.from(
        { length: 48 },
        (_one, i): PastedFace => ({
          x: 110 + ((i % 8) * (width - 220)) / 7,
          y: 110 + (Math.floor(i / 8) * (height - 220)) / 5,
          size: [30, 50, 80, 110, 140, 160, 175][i % 7]!,
          who: i % 3,
        }),
      );
      const data = await sharp(await pasted(width, height, faces))
        .raw()
        .toBuffer();
      const image = new Arena().adopt({ data, width, height });
      const rules = pack.manifest.detection;
      const passes = plannedPasses(image, rules.passes[profile], rules.smallest_face, 0);
      const session = watched(models.sessions.detector);
      const cut = (await detectFaces(session, image, passes, rules)).candidates;
      expect(Math.max(...session.areas)).toBeLessThanOrEqual(1.25e6);
      expect(session.areas.length).toBeGreaterThan(passes.length);
      const tiles = { ...rules.tiles, above_megapixels: 100 };
      const { candidates: whole } = await detectFaces(models.sessions.detector, image, passes, { ...rules, tiles });
      for (const face of faces) {
        const box = {
          x1: face.x - face.size / 2,
          y1: face.y - face.size / 2,
          x2: face.x + face.size / 2,
          y2: face.y + face.size / 2,
        };
        expect(
          cut.some((one) => one.score > 0.5 && iou(one, box) > 0.4),
          JSON.stringify(face),
        ).toBe(true);
      }
      const sure = (candidates: typeof cut) => candidates.filter(({ score }) => score > 0.5);
      expect(sure(cut)).toHaveLength(sure(whole).length);
      for (const one of sure(whole)) {
        const same = cut.find((other) => iou(one, other) > 0.7)!;
        expect(same, JSON.stringify(one)).toBeDefined();
        for (let k = 0; k < 10; k++)
          expect(Math.abs(same.points[k]! - one.points[k]!)).toBeLessThan(0.1 * Math.max(20, faceSize(one)));
      }
    },
  );

  it.each([1, 1.37])('places what any tile sees exactly where it lies in the image, at scale %d', async (scale) => {
    const { passes: _, ...rules } = pack.manifest.detection;
    const [width, height] = [2311, 1913];
    const data = new Uint8Array(width * height * 3);
    /** Sees one white pixel as a face of 40 px around its middle. */
    const session = {
      run({ images, size }: Arrays) {
        const [, canvasHeight, canvasWidth] = images!.dims as [number, number, number];
        const at = images!.data.indexOf(255 as never) / 3;
        const [netHeight, netWidth] = [...size!.data].map(Number) as [number, number];
        const x = ((at % canvasWidth) + 0.5) * (netWidth / canvasWidth);
        const y = (Math.floor(at / canvasWidth) + 0.5) * (netHeight / canvasHeight);
        const seen = at >= 0 ? [x - 20, y - 20, x + 20, y + 20] : [0, 0, 0, 0];
        return Promise.resolve({
          scores: { data: Float32Array.of(0.9), dims: [1, 1] },
          boxes: { data: Float32Array.from(seen), dims: [1, 1, 4] },
          points: { data: new Float32Array(10).fill(seen[0]! + 20), dims: [1, 1, 5, 2] },
        });
      },
    } as Pick<Session, 'run'> as Session;
    const pass = { index: 0, scale, rules: { scale, faces: { from: 0, to: null } } };
    for (const [x, y] of [
      [0, 0],
      [width - 1, height - 1],
      [1155, 956],
      [700, 1400],
      [1800, 20],
    ] as const) {
      data[(y * width + x) * 3] = 255;
      const { candidates } = await detectFaces(session, new Arena().adopt({ data, width, height }), [pass], {
        ...rules,
        passes: {} as never,
      });
      data[(y * width + x) * 3] = 0;
      expect(candidates.length).toBeGreaterThanOrEqual(1);
      for (const { x1, x2, y1, y2, points } of candidates) {
        expect((x1 + x2) / 2).toBeCloseTo(x + 0.5, 3);
        expect((y1 + y2) / 2).toBeCloseTo(y + 0.5, 3);
        expect(points[0]!).toBeCloseTo(x + 0.5, 3);
      }
    }
  });
});
