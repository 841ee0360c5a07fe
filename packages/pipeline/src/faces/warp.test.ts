import { assert, double, integer, property, record } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Arena, type Pixels } from '../pixels/index.ts';
import type { Crop } from './crop.ts';
import { warp } from './warp.ts';

/** Red increases to the right, green downwards; blue is constant. */
function ramp(width: number, height: number) {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) data.set([x, y, 77], (y * width + x) * 3);
  return new Arena().adopt({ data, width, height });
}

const SIZE = 16;
const cut = (image: Pixels, crop: Crop) => {
  using _square = image.arena.scope();
  const out = image.arena.pixels({ width: SIZE, height: SIZE });
  warp(image, crop, out);
  return out.data;
};

/** By how much the image is reduced before a crop is cut from it. */
const reduction = ({ side }: Crop) => 2 ** Math.max(0, Math.ceil(Math.log2(side / (2.02 * SIZE))));

const crops = record<Crop>({
  centreX: double({ min: 90, max: 110, noNaN: true }),
  centreY: double({ min: 90, max: 110, noNaN: true }),
  side: double({ min: 1, max: 110, noNaN: true }),
  roll: double({ min: -3.2, max: 3.2, noNaN: true }),
});

describe('warp', () => {
  it('samples every pixel at the place that the crop’s centre, size and tilt give', () => {
    const image = ramp(200, 200);
    assert(
      property(crops, integer({ min: 0, max: SIZE - 1 }), integer({ min: 0, max: SIZE - 1 }), (crop, i, j) => {
        const a = (i + 0.5) / SIZE - 0.5;
        const b = (j + 0.5) / SIZE - 0.5;
        const x = crop.centreX + crop.side * (a * Math.cos(crop.roll) - b * Math.sin(crop.roll));
        const y = crop.centreY + crop.side * (a * Math.sin(crop.roll) + b * Math.cos(crop.roll));
        const pixel = cut(image, crop).subarray((j * SIZE + i) * 3);
        // The colour at a pixel's centre is its index, so the ramp's value at x is x - 0.5. Each halving rounds once more.
        const rounding = 0.51 + 0.5 * Math.log2(reduction(crop));
        expect(Math.abs(pixel[0]! - (x - 0.5))).toBeLessThanOrEqual(rounding);
        expect(Math.abs(pixel[1]! - (y - 0.5))).toBeLessThanOrEqual(rounding);
        expect(pixel[2]).toBe(77);
      }),
      { numRuns: 500 },
    );
  });

  it('copies a crop of its own size pixel by pixel', () => {
    const image = ramp(40, 40);
    const out = cut(image, { centreX: 20, centreY: 20, side: SIZE, roll: 0 });
    for (let j = 0; j < SIZE; j++)
      for (let i = 0; i < SIZE; i++)
        expect([...out.subarray((j * SIZE + i) * 3, (j * SIZE + i) * 3 + 2)]).toEqual([12 + i, 12 + j]);
  });

  it('averages fine detail instead of skipping pixels', () => {
    const image = ramp(256, 256);
    for (let i = 0; i < image.data.length; i += 3) image.data[i] = (i / 3) % 2 ? 255 : 0;
    const out = cut(image, { centreX: 128, centreY: 128, side: 4 * SIZE, roll: 0 });
    for (let i = 0; i < out.length; i += 3) expect(Math.abs(out[i]! - 127.5)).toBeLessThanOrEqual(1);
  });

  it('samples large crops at their places, too, wherever they lie', () => {
    const [height, wave, amplitude] = [253, 30, 100];
    const colour = (row: number) => 128 + amplitude * Math.sin(row / wave);
    const image = ramp(251, height);
    for (let i = 0; i < image.data.length; i++) image.data[i] = Math.round(colour(Math.floor(i / 3 / 251)));
    const centre = double({ min: -60, max: 310, noNaN: true });
    const large = record<Crop>({
      centreX: centre,
      centreY: centre,
      side: double({ min: 33, max: 900, noNaN: true }),
      roll: double({ min: -3.2, max: 3.2, noNaN: true }),
    });
    const sample = integer({ min: 0, max: SIZE - 1 });
    assert(
      property(large, sample, sample, (crop, i, j) => {
        const a = (i + 0.5) / SIZE - 0.5;
        const b = (j + 0.5) / SIZE - 0.5;
        const y = crop.centreY + crop.side * (a * Math.sin(crop.roll) + b * Math.cos(crop.roll)) - 0.5;
        const row = Math.min(height - 1, Math.max(0, y));
        // A reduced pixel is the mean of some rows of a curve; at the edge it lies half of them inside.
        const factor = reduction(crop);
        const atEdge = row < factor || row > height - 1 - factor;
        const allowed =
          2 + (atEdge ? (amplitude / wave) * (factor / 2 + 1) : (amplitude / wave ** 2) * factor ** 2 * 0.25);
        expect(Math.abs(cut(image, crop)[(j * SIZE + i) * 3]! - colour(row))).toBeLessThanOrEqual(allowed);
      }),
      { numRuns: 500 },
    );
  });

  it('repeats the border outside the image', () => {
    const image = ramp(30, 30);
    const out = cut(image, { centreX: -100, centreY: 300, side: 20, roll: 1 });
    for (let i = 0; i < out.length; i += 3) expect([out[i], out[i + 1], out[i + 2]]).toEqual([0, 29, 77]);
  });
});
