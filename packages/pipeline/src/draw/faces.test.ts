import { describe, expect, it } from 'vitest';
import { photograph, photographBytes } from '../../../../test/support/fixtures/picture.ts';
import type { DetectedFace } from '../detection.ts';
import { decode, readHeader } from '../image/index.ts';
import { drawFaces } from './faces.ts';

const LIMITS = { maxSide: 4096, maxPixels: 4096 * 4096 };

const FACE: DetectedFace = {
  box: { x: 100, y: 150, width: 80, height: 100 },
  confidence: 0.94,
  points5: new Float32Array(10),
  landmarks: Float32Array.from({ length: 212 }, (_, i) => (i % 2 ? 160 + (i % 80) : 110 + (i % 60))),
  attributes: { male: 0.2, age: 31.7 },
};

async function changed(faces: DetectedFace[], format?: 'png' | 'jpeg') {
  const drawing = await drawFaces(await photographBytes('no-face-cat.png'), { faces }, { format });
  const header = readHeader(drawing, LIMITS);
  const after = await decode(drawing, header, { orient: true, limits: LIMITS });
  const before = await photograph('no-face-cat.png');
  expect([after.width, after.height]).toEqual([before.width, before.height]);
  const touched = (x: number, y: number) => {
    const at = (y * before.width + x) * 3;
    return [0, 1, 2].some((c) => before.data[at + c] !== after.data[at + c]);
  };
  const places = [];
  for (let y = 0; y < before.height; y++)
    for (let x = 0; x < before.width; x++) if (touched(x, y)) places.push({ x, y });
  return { header, places, touched };
}

describe('drawing', () => {
  it('marks the box and the points and leaves the rest of the picture alone', async () => {
    const { places, touched, header } = await changed([FACE]);
    expect(header.format).toBe('png');
    expect([touched(100, 200), touched(179, 200), touched(140, 150), touched(140, 249)]).toEqual(Array(4).fill(true));
    for (let i = 0; i < 212; i += 2)
      expect(touched(Math.floor(FACE.landmarks![i]!), Math.floor(FACE.landmarks![i + 1]!))).toBe(true);
    for (const { x, y } of places) {
      expect(x).toBeGreaterThanOrEqual(100);
      expect(x).toBeLessThan(180);
      // The label stands on the box.
      expect(y).toBeGreaterThanOrEqual(150 - 11);
      expect(y).toBeLessThan(250);
    }
  });

  it('labels with gender and age, or with the confidence when they are absent', async () => {
    const { attributes: _, ...plain } = FACE;
    const label = async (face: DetectedFace) => (await changed([face])).places.filter(({ y }) => y < 150).length;
    // female 32 is nine characters, 0.94 four.
    expect(await label(FACE)).toBeGreaterThan(1.9 * (await label(plain)));
  });

  it('survives faces that reach past the frame', async () => {
    const { places } = await changed([
      { ...FACE, box: { x: -40, y: -30, width: 90, height: 100 } },
      { ...FACE, box: { x: 400, y: 280, width: 900, height: 900 } },
    ]);
    expect(places.length).toBeGreaterThan(100);
  });

  it('encodes as JPEG when asked', async () => {
    expect((await changed([], 'jpeg')).header.format).toBe('jpeg');
  });
});
