import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PastedFace, pasted } from '../../../../test/support/fixtures/pasted.ts';
import { type OpenModels, openModels } from '../device/open.ts';
import type { Arrays, Session } from '../device/session.ts';
import { loadPack, type Pack } from '../pack/load.ts';
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
      const image = { data, width, height };
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
});
