import { createCanvas, loadImage } from '@napi-rs/canvas';
import { describe, expect, it } from 'vitest';
import { type Picture, photograph } from '../../../test/support/fixtures/picture.ts';
import { drawFaces } from './draw-faces.ts';
import type { DrawableFace } from './types.ts';

const FACE: DrawableFace = {
  box: { x: 100, y: 150, width: 80, height: 100 },
  confidence: 0.94,
  landmarks: Float32Array.from({ length: 212 }, (_, i) => (i % 2 ? 160 + (i % 80) : 110 + (i % 60))),
  attributes: { male: 0.2, age: 31.7 },
};
const PNG = [0x89, 0x50, 0x4e, 0x47];
const JPEG = [0xff, 0xd8, 0xff];

/** RGBA samples of an encoded drawing. */
async function pixelsOf(drawing: Buffer) {
  const { width, height } = await loadImage(drawing);
  const context = createCanvas(width, height).getContext('2d');
  context.drawImage(await loadImage(drawing), 0, 0);
  return { width, height, data: context.getImageData(0, 0, width, height).data };
}

async function changed(faces: DrawableFace[], format?: 'png' | 'jpeg') {
  const before = await photograph('no-face-cat.png');
  const drawing = await drawFaces(before, faces, format ? { format } : {});
  const after = await pixelsOf(drawing);
  expect([after.width, after.height]).toEqual([before.width, before.height]);
  const touched = (x: number, y: number) => {
    const at = y * before.width + x;
    return [0, 1, 2].some((c) => before.data[at * 3 + c] !== after.data[at * 4 + c]);
  };
  const places = [];
  for (let y = 0; y < before.height; y++)
    for (let x = 0; x < before.width; x++) if (touched(x, y)) places.push({ x, y });
  return { drawing, places, touched };
}

describe('drawing', () => {
  it('draws the box and the points and leaves the rest of the picture unchanged', async () => {
    const { places, touched, drawing } = await changed([FACE]);
    expect([...drawing.subarray(0, 4)]).toEqual(PNG);
    expect([touched(100, 200), touched(179, 200), touched(140, 150), touched(140, 249)]).toEqual(Array(4).fill(true));
    for (let i = 0; i < 212; i += 2)
      expect(touched(Math.floor(FACE.landmarks![i]!), Math.floor(FACE.landmarks![i + 1]!))).toBe(true);
    for (const { x, y } of places) {
      expect(x).toBeGreaterThanOrEqual(100);
      expect(x).toBeLessThan(180);
      // The label stands on the box.
      expect(y).toBeGreaterThanOrEqual(150 - 16);
      expect(y).toBeLessThan(250);
    }
  });

  it('does not change its input', async () => {
    const picture = await photograph('no-face-cat.png');
    const before = Uint8Array.from(picture.data);
    await drawFaces(picture, [FACE]);
    expect(Buffer.compare(picture.data, before)).toBe(0);
  });

  it('has a longer label with gender and age than with the confidence alone', async () => {
    const { attributes: _, ...plain } = FACE;
    const label = async (face: DrawableFace) => (await changed([face])).places.filter(({ y }) => y < 150).length;
    // female 32 is nine characters, 0.94 four.
    expect(await label(FACE)).toBeGreaterThan(1.9 * (await label(plain)));
  });

  it('draws faces that reach past the edge of the picture', async () => {
    const { places } = await changed([
      { ...FACE, box: { x: -40, y: -30, width: 90, height: 100 } },
      { ...FACE, box: { x: 400, y: 280, width: 900, height: 900 } },
    ]);
    expect(places.length).toBeGreaterThan(100);
  });

  it('smooths the edges of points', async () => {
    const grey: Picture = { data: new Uint8Array(200 * 200 * 3).fill(128), width: 200, height: 200 };
    const landmarks = [100.3, 100.6];
    const { data } = await pixelsOf(
      await drawFaces(grey, [{ ...FACE, box: { ...FACE.box, x: 50, y: 50 }, landmarks }]),
    );
    const greens = new Set<number>();
    for (let y = 96; y < 106; y++) for (let x = 96; x < 106; x++) greens.add(data[(y * 200 + x) * 4 + 1]!);
    expect(greens.size).toBeGreaterThan(4);
  });

  it('sizes points and lines to the face', async () => {
    const plain: Picture = { data: new Uint8Array(800 * 800 * 3), width: 800, height: 800 };
    const marked = async (side: number) => {
      const box = { x: 20, y: 20, width: side, height: side };
      const face = { box, confidence: 1, landmarks: [20 + side / 2, 20 + side / 2] };
      const { data } = await pixelsOf(await drawFaces(plain, [face]));
      let count = 0;
      for (let x = 0; x < 800; x++) if (data[(Math.round(20 + side / 2) * 800 + x) * 4 + 1]! > 100) count++;
      return count;
    };
    const [small, large] = [await marked(60), await marked(600)];
    expect(small).toBeGreaterThanOrEqual(2);
    expect(large).toBeGreaterThan(4 * small);
  });

  it('encodes as JPEG when asked', async () => {
    const { drawing } = await changed([], 'jpeg');
    expect([...drawing.subarray(0, 3)]).toEqual(JPEG);
  });
});
