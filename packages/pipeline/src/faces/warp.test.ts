import { assert, double, integer, property, record, uint8Array } from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Crop } from './crop.ts';
import { mirror, warp } from './warp.ts';

/** Red increases to the right, green downwards; blue is constant. */
function ramp(width: number, height: number) {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) data.set([x, y, 77], (y * width + x) * 3);
  return { data, width, height };
}

const SIZE = 16;
const cut = (image: Parameters<typeof warp>[0], crop: Crop) => {
  const out = new Uint8Array(SIZE * SIZE * 3);
  warp(image, crop, SIZE, out);
  return out;
};

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
        // The colour at a pixel's centre is its index, so the ramp's value at x is x - 0.5.
        expect(Math.abs(pixel[0]! - (x - 0.5))).toBeLessThanOrEqual(0.51);
        expect(Math.abs(pixel[1]! - (y - 0.5))).toBeLessThanOrEqual(0.51);
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

  it('repeats the border outside the image', () => {
    const image = ramp(30, 30);
    const out = cut(image, { centreX: -100, centreY: 300, side: 20, roll: 1 });
    for (let i = 0; i < out.length; i += 3) expect([out[i], out[i + 1], out[i + 2]]).toEqual([0, 29, 77]);
  });
});

describe('mirror', () => {
  it('swaps left and right, and restores the crop when applied twice', () => {
    assert(
      property(uint8Array({ minLength: 7 * 7 * 3, maxLength: 7 * 7 * 3 }), (crop) => {
        const mirrored = new Uint8Array(crop.length);
        const restored = new Uint8Array(crop.length);
        mirror(crop, 7, mirrored);
        mirror(mirrored, 7, restored);
        expect(restored).toEqual(crop);
        expect([...mirrored.subarray(0, 3)]).toEqual([...crop.subarray(18, 21)]);
      }),
    );
  });
});
